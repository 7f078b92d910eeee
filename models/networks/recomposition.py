"""What a mixture shows and its separated outputs do not, without knowing how it was mixed."""

from functools import reduce
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.typing import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class RecompositionError(keras.layers.Layer):
    """Subtract from a mixture what its outputs recompose to, under both of the papers' mixtures.

    The first three channels are `V - mean_i O_i`, 0 for a transparency that is separated exactly.
    The other three are `min_i |V - O_i|`, the distance of each color to the nearest output's, 0 for
    an occlusion that is separated exactly. Neither needs alpha. The distance has no sign, because
    both outputs of a transparency are equally near: which of them counts would be noise there.

    A call takes outputs `[B, T, H, W, 3n]` and a mixture `[B, T, H, W, 3]`, both in [-1, 1]. It
    returns `[B, T, H, W, 6]`, the first three in [-2, 2], the others in [0, 2].
    """

    def call(self, outputs: Tensor, mixture: Tensor) -> Tensor:
        """Return both errors."""
        videos = outputs.shape[-1] // 3
        # One by one, since the CPU's kernels take five axes at most.
        errors = [mixture - outputs[..., 3 * i : 3 * i + 3] for i in range(videos)]
        distance = reduce(ops.minimum, map(ops.abs, errors))
        return ops.concatenate([sum(errors) / videos, distance], axis=-1)

    def compute_output_shape(
        self, outputs_shape: tuple[Any, ...], mixture_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the shape of both errors."""
        return (*mixture_shape[:-1], 6)
