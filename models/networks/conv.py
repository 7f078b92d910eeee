"""Convolutions, poolings and crops: the units that every network is built of."""

import math
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.networks.normalization import norm_relu, uses_bias
from models.typing import Tensor

Size = int | tuple[int, int, int]
"""One number for all axes, or one each for `(t, h, w)`."""


def conv(
    x: Tensor, filters: int, kernel: Size, strides: Size = 1, *, norm: str, name: str
) -> Tensor:
    """Apply a 3-D convolution, the normalization and a ReLU: I3D's unit.

    Args:
        x: features `[B, T, H, W, C]`.
        filters: output channels.
        kernel: the kernel's size.
        strides: divides the size, which is rounded up.
        norm: a name in `models.networks.normalization.NORMALIZATIONS`.
        name: prefix of the layers' names.
    """
    x = keras.layers.Conv3D(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=uses_bias(norm),
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return norm_relu(x, norm, name=name)


def up(x: Tensor, filters: int, kernel: Size, strides: Size, *, norm: str, name: str) -> Tensor:
    """Apply a transposed 3-D convolution, the normalization and a ReLU: the decoder's unit."""
    x = transposed_conv(x, filters, kernel, strides, use_bias=uses_bias(norm), name=f"{name}_up")
    return norm_relu(x, norm, name=name)


def transposed_conv(
    x: Tensor,
    filters: int,
    kernel: Size,
    strides: tuple[int, int, int] | Any,
    *,
    name: str,
    use_bias: bool = True,
    bias_initializer: str | keras.initializers.Initializer = "zeros",
    scale: float = 2.0,
) -> Tensor:
    """Apply a transposed 3-D convolution with an initialization that keeps the signal's scale.

    He's initialization assumes that every weight of the kernel reaches every position. In a
    transposed convolution only one in `prod(strides)` does, and Keras counts its channels the
    other way round. Uncorrected, the signal would shrink at each level of a decoder.

    Args:
        x: features `[B, T, H, W, C]`.
        filters: output channels.
        kernel: the kernel's size.
        strides: multiplies the size, `(t, h, w)`.
        name: the layer's name.
        use_bias: whether it has a bias.
        bias_initializer: the bias's initializer.
        scale: the initial variance: 2 before a ReLU, less if outputs should start small.
    """
    scale = scale * math.prod(strides) * filters / x.shape[-1]
    return keras.layers.Conv3DTranspose(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=keras.initializers.VarianceScaling(scale, mode="fan_in"),
        bias_initializer=bias_initializer,
        name=name,
    )(x)


def max_pool(x: Tensor, size: Size, strides: Size, *, name: str) -> Tensor:
    """Max-pool `[B, T, H, W, C]` with I3D's padding: strides divide the size, rounded up."""
    return keras.layers.MaxPooling3D(size, strides, padding="same", name=name)(x)


def up_kernel(strides: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return twice the strides, so that every position is reached alike: no checkerboard."""
    t, h, w = (2 * stride if stride > 1 else 3 for stride in strides)
    return t, h, w


@keras.saving.register_keras_serializable(PACKAGE)
class CropLike(keras.layers.Layer):
    """Crop `[B, T, H, W, C]` at the far ends to the size of a reference.

    Pooling rounds odd sizes up, so features that come back up may be one too large.
    """

    def call(self, x: Tensor, reference: Tensor) -> Tensor:
        """Return `x` with the reference's T, H, W."""
        t, h, w = reference.shape[1:4]
        return x[:, :t, :h, :w]

    def compute_output_shape(
        self, x_shape: tuple[Any, ...], reference_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the reference's shape with x's channels."""
        return (*reference_shape[:-1], x_shape[-1])


@keras.saving.register_keras_serializable(PACKAGE)
class SplitOutputs(keras.layers.Layer):
    """Turn `[B, T, H, W, 3n]` into `n` videos, `[B, n, T, H, W, 3]`, float32."""

    def __init__(self, **kwargs: Any) -> None:
        # Videos must not be rounded to half precision.
        super().__init__(autocast=False, **kwargs)

    def call(self, x: Tensor) -> Tensor:
        """Return the videos."""
        t, h, w, channels = x.shape[1:]
        x = ops.reshape(ops.cast(x, "float32"), (-1, t * h * w, channels // 3, 3))
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, channels // 3, t, h, w, 3))
