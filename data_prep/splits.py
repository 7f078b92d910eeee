"""Names of the splits, in records, manifests and settings alike."""

TRAIN = "train"
EVAL = "eval"
SPLITS = (TRAIN, EVAL)
