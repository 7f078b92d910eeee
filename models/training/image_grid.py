"""A picture of what a separator does with a few mixtures, for TensorBoard."""

import numpy as np
from keras import ops

from models.tasks.separation import to_uint8


def picture(batch: dict, predictions: dict, *, examples: int = 4) -> np.ndarray:
    """Lay out mixtures, truths and predictions, a row an example, by their middle frames.

    Args:
        batch: a batch of records.
        predictions: a `Separator`'s predictions on it.
        examples: rows at most.

    Returns:
        uint8 `[rows * H, columns * W, 3]`; columns: mixture, V1, V2, the outputs, then the layers
        where there are any.
    """
    columns = [to_uint8(predictions["mixture"]), batch["v1"], batch["v2"]]
    for name in ("outputs", "layers"):
        videos = predictions.get(name)
        if videos is not None:
            columns += [to_uint8(videos[:, i]) for i in range(videos.shape[1])]
    columns = [ops.convert_to_numpy(column)[:examples] for column in columns]
    middle = columns[0].shape[1] // 2
    rows = np.concatenate([column[:, middle] for column in columns], axis=2)
    return rows.reshape(-1, *rows.shape[2:])
