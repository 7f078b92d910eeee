"""Call all signatures of an exported model: `call_model.py RECORDS MODEL OUT.npz`."""

import sys

import numpy as np
import tensorflow as tf

from data_prep.mixing.compose import mix_uint8
from models.export.exported_model import ExportedModel
from models.training.inputs import find_files, read_once


def main(records: str, model: str, out: str) -> None:
    exported = ExportedModel(model)
    files = find_files([f"{records}/eval/*"])
    batch = next(iter(read_once(files, exported.clip, batch=8).as_numpy_iterator()))
    mixture = mix_uint8(batch["v1"], batch["v2"], batch["alpha"])
    found = exported.separate(mixture, batch["audio1"])
    serialized = np.array(list(tf.data.TFRecordDataset(files).as_numpy_iterator()))
    scalars = exported.evaluate(serialized)
    np.savez(out, **found, **{f"evaluate_{name}": values for name, values in scalars.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
