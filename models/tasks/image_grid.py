"""An image of how a separator treats a few mixtures, for TensorBoard."""

from keras import ops

from models.pixels import to_uint8
from models.tasks.trainable import Batch
from models.typing import Tensor


def image_grid(batch: Batch, predictions: dict[str, Tensor], *, examples: int = 4) -> Tensor:
    """Lay out mixtures, targets and predictions by their middle frames, one row per example.

    Args:
        batch: a batch of records.
        predictions: a `Separator`'s predictions on it.
        examples: largest number of rows.

    Returns:
        uint8 `[rows * H, columns * W, 3]`; the columns are mixture, V1, V2, the outputs and, if
        the network has them, the layers.
    """
    middle = batch["v1"].shape[1] // 2
    columns = [to_uint8(predictions["mixture"][:examples, middle])]
    columns += [batch[name][:examples, middle] for name in ("v1", "v2")]
    for name in ("outputs", "layers"):
        if name in predictions:
            frames = to_uint8(predictions[name][:examples, :, middle])
            columns += [frames[:, i] for i in range(frames.shape[1])]
    rows = ops.concatenate(columns, axis=2)
    return ops.reshape(rows, (-1, *rows.shape[2:]))
