"""The U-Net decoder of every separator, and the prediction at full resolution behind it."""

from typing import Any

import keras

from models.networks.conv import CropLike, Size, conv, transposed_conv, up, up_kernel
from models.presets import Preset
from models.typing import Tensor

_IN_SPACE = (1, 3, 3)
"""Kernel of the convolutions after the skips; the encoder looks along time."""


def decode(features: list[Tensor], preset: Preset, *, name: str) -> Tensor:
    """Apply the U-Net decoder: transposed convolutions up from the deepest level, with skips.

    As published, a skip is only concatenated. With `preset.refine` (ours) a convolution with a
    ReLU reads it together with what comes up, and another one follows at the finest level. They
    can let the encoder's features through or hold them back; without them, the finest features
    reach the prediction by linear steps alone.

    Args:
        features: the encoder's features, finest level first.
        preset: the decoder's widths.
        name: prefix of the layers' names.

    Returns:
        Features at the finest level's resolution.
    """
    x = features[-1]
    for level, width, skip in zip(
        reversed(preset.levels[1:]), preset.up, reversed(features[:-1]), strict=True
    ):
        prefix = f"{name}_{level.name}"
        kernel = _kernel(level.strides, preset)
        x = up(x, width, kernel, level.strides, norm=preset.norm, name=prefix)
        x = CropLike(name=f"{prefix}_crop")(x, skip)
        x = keras.layers.Concatenate(name=f"{prefix}_skip")([x, skip])
        if preset.refine:
            x = conv(x, width, _IN_SPACE, norm=preset.norm, name=f"{prefix}_refine")
    if preset.refine:
        x = conv(x, preset.refine, _IN_SPACE, norm=preset.norm, name=f"{name}_refine")
    return x


def predict_at_full_size(
    features: Tensor, channels: int, preset: Preset, *, name: str, **layer: Any
) -> Tensor:
    """Predict channels at the input's resolution from the decoder's features.

    Args:
        features: the decoder's features, `[B, T_1, H_1, W_1, C]`.
        channels: number of channels to predict.
        preset: its finest level's strides multiply the size.
        name: the layer's name.
        **layer: further arguments of `transposed_conv`.

    Returns:
        Small values at first, `[B, T, H, W, channels]`.
    """
    strides = preset.levels[0].strides
    kernel = _kernel(strides, preset)
    return transposed_conv(features, channels, kernel, strides, scale=1e-2, name=name, **layer)


def _kernel(strides: tuple[int, int, int], preset: Preset) -> Size:
    """Return the kernel of a transposed convolution.

    Next to a convolution that sees the neighbors, it need not overlap.
    """
    return strides if preset.refine else up_kernel(strides)
