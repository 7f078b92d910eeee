"""Normalizations: what a network applies after its convolutions, by name."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.typing import Tensor

GROUPS = 8
"""Groups of channels that group normalization normalizes together."""


@keras.saving.register_keras_serializable(PACKAGE)
class GroupNormalization(keras.layers.Layer):
    """Normalize groups of neighboring channels of each example (Wu and He, 2018).

    Values keep no trace of the other examples of a batch, so training and inference compute the
    same. It equals `keras.layers.GroupNormalization`, in fewer passes over the features: the sums
    are taken per channel, and scale, offset, mean and deviation are one factor and one summand per
    channel (figures in tests/benchmarks/README.md).

    A call takes `[B, ..., C]` and returns the same shape.

    Args:
        groups: number of groups; if it does not divide the channels, the greatest common divisor
            of both takes its place.
        epsilon: added to the variance.
    """

    def __init__(self, groups: int = GROUPS, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.epsilon = epsilon

    def build(self, shape: tuple[Any, ...]) -> None:
        """Make scale and offset, one each per channel."""
        channels = shape[-1]
        self.scale = self.add_weight(shape=(channels,), initializer="ones", name="scale")
        self.offset = self.add_weight(shape=(channels,), initializer="zeros", name="offset")

    def call(self, features: Tensor) -> Tensor:
        """Return the normalized features."""
        size = (-1, *features.shape[1:])
        channels = features.shape[-1]
        flat = ops.reshape(features, (-1, math.prod(features.shape[1:-1]), channels))
        mean, deviation = self._moments(ops.cast(flat, "float32"))
        factor = ops.cast(self.scale, "float32") / deviation
        summand = ops.cast(self.offset, "float32") - mean * factor
        factor, summand = (ops.cast(each[:, None], flat.dtype) for each in (factor, summand))
        return ops.reshape(flat * factor + summand, size)

    def _moments(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each channel's group, `[B, C]` each."""
        channels = flat.shape[-1]
        groups = math.gcd(self.groups, channels)

        def of_groups(means: Tensor) -> Tensor:
            return ops.mean(ops.reshape(means, (-1, groups, channels // groups)), axis=-1)

        mean = of_groups(ops.mean(flat, axis=1))
        square = of_groups(ops.mean(ops.square(flat), axis=1))
        # Rounding may leave a variance of 0 slightly negative.
        deviation = ops.sqrt(ops.maximum(square - ops.square(mean), 0.0) + self.epsilon)
        times = channels // groups
        return ops.repeat(mean, times, axis=-1), ops.repeat(deviation, times, axis=-1)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the features' shape."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}


NORMALIZATIONS: dict[str, Callable[[str], keras.layers.Layer] | None] = {
    # No learned scale, as in I3D: the next layer's weights hold it.
    "batch": lambda name: keras.layers.BatchNormalization(scale=False, momentum=0.9, name=name),
    "group": lambda name: GroupNormalization(name=name),
    "none": None,
}
"""Normalization -> what makes its layer, by name; None for no layer, so that a bias is needed."""


def uses_bias(norm: str) -> bool:
    """Return whether a convolution before this normalization needs a bias."""
    return NORMALIZATIONS[norm] is None


def norm_relu(x: Tensor, norm: str, *, name: str) -> Tensor:
    """Apply a normalization, by its name in `NORMALIZATIONS`, and a ReLU."""
    make_layer = NORMALIZATIONS[norm]
    if make_layer is not None:
        x = make_layer(f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
