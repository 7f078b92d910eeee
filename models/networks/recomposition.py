"""What a mixture shows and its separated outputs do not, without knowing how it was mixed."""

from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.typing import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class RecompositionError(keras.layers.Layer):
    """Subtract from a mixture what its outputs recompose to, under both of the papers' mixtures.

    The first three channels are `V - mean_i O_i`, 0 for a transparency that is separated exactly.
    The other three are `V - O_k`, with `k` the output that is nearest to `V` at that pixel by the
    absolute differences of its colors, the first of equals; they are 0 for an occlusion that is
    separated exactly. Neither needs alpha.

    A call takes outputs `[B, T, H, W, 3n]` and a mixture `[B, T, H, W, 3]`, both in [-1, 1]. It
    returns `[B, T, H, W, 6]` in [-2, 2]. Gradients flow through the outputs' colors, not through
    the choice of the nearest one.
    """

    def call(self, outputs: Tensor, mixture: Tensor) -> Tensor:
        """Return both errors."""
        videos = outputs.shape[-1] // 3
        errors = [mixture - outputs[..., 3 * i : 3 * i + 3] for i in range(videos)]
        mean = sum(errors) / videos
        # One by one, since the CPU's kernels take five axes at most.
        nearest = errors[0]
        for error in errors[1:]:
            nearest = ops.where(_size(error) < _size(nearest), error, nearest)
        return ops.concatenate([mean, nearest], axis=-1)

    def compute_output_shape(
        self, outputs_shape: tuple[Any, ...], mixture_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the shape of both errors."""
        return (*mixture_shape[:-1], 6)


def _size(error: Tensor) -> Tensor:
    return ops.sum(ops.abs(error), axis=-1, keepdims=True)
