"""An image of how a separator treats a few mixtures, for TensorBoard."""

import numpy as np
from keras import ops

from models.pixels import to_uint8
from models.tasks.trainable import Batch
from models.typing import Tensor


def image_grid(batch: Batch, predictions: dict[str, Tensor], *, examples: int = 4) -> np.ndarray:
    """Lay out mixtures, targets and predictions by their middle frames, one row per example.

    Args:
        batch: a batch of records.
        predictions: a `Separator`'s predictions on it.
        examples: largest number of rows.

    Returns:
        uint8 `[rows * H, columns * W, 3]`; the columns are mixture, V1, V2, the outputs and, if
        the network has them, the layers.
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
