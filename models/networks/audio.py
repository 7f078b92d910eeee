"""The audio network of C3, and the fusion of its features with the visual ones."""

from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.networks.normalization import norm_relu, uses_bias
from models.presets import Audio
from models.typing import Tensor

_FLOOR = 1e-2
"""A magnitude that counts as silence."""
_SCALE = 0.1
"""Brings the loudest tone's logarithm near 2."""


@keras.saving.register_keras_serializable(PACKAGE)
class LogMagnitude(keras.layers.Layer):
    """Turn spectrogram magnitudes `[B, T_a, F]` into the audio network's input `[B, T_a, F, 2]`.

    The first channel is the log magnitude, 0 for silence and about 2 for the loudest tone. The
    second is ours: the same times the frequency, which goes from -1 to 1. An average over frequency
    then separates high tones from low ones, which convolutions alone cannot do.
    """

    def __init__(self, **kwargs: Any) -> None:
        # Magnitudes must not be rounded to half precision before the logarithm.
        super().__init__(autocast=False, **kwargs)

    def call(self, magnitudes: Tensor) -> Tensor:
        """Return the log magnitude, and the same times the frequency."""
        power = ops.square(ops.cast(magnitudes, "float32"))
        log = _SCALE * ops.log1p(power / _FLOOR**2)
        frequency = ops.linspace(-1.0, 1.0, magnitudes.shape[-1], dtype="float32")
        channels = ops.stack([log, log * frequency], axis=-1)
        return ops.cast(channels, self.compute_dtype)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the shape with two channels."""
        return (*shape, 2)


@keras.saving.register_keras_serializable(PACKAGE)
class AudioVisualFusion(keras.layers.Layer):
    """Concatenate every visual position with the audio features of its time.

    As published: (1) average pooling over frequency, (2) sampling in time to the visual level's
    `T_l`, (3) broadcast over space. A call on visual features `[B, T_l, H_l, W_l, C]` and audio
    features `[B, T_a, F, D]` returns `[B, T_l, H_l, W_l, C + D]`.
    """

    def call(self, visual: Tensor, audio: Tensor) -> Tensor:
        """Return the fused features."""
        _, t, h, w, _ = visual.shape
        sampled = in_steps(ops.mean(audio, axis=2), t)
        space = ops.ones((1, 1, h, w, 1), dtype=sampled.dtype)
        return ops.concatenate([visual, sampled[:, :, None, None] * space], axis=-1)

    def compute_output_shape(
        self, visual_shape: tuple[Any, ...], audio_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the fused features' shape."""
        return (*visual_shape[:-1], visual_shape[-1] + audio_shape[-1])


def in_steps(features: Tensor, steps: int) -> Tensor:
    """Sample features `[B, T_a, ...]` in the middle of so many equal steps, `[B, steps, ...]`."""
    times = features.shape[1]
    columns = [min(int((step + 0.5) * times / steps), times - 1) for step in range(steps)]
    return ops.take(features, columns, axis=1)


def audio_network(spectrogram: Tensor, audio: Audio, *, norm: str) -> Tensor:
    """Apply the VGG-like network to the log spectrogram.

    Args:
        spectrogram: magnitudes `[B, T_a, F]`; see `models.tasks.spectrogram`.
        audio: the blocks' widths.
        norm: a name in `models.networks.normalization.NORMALIZATIONS`.

    Returns:
        Features `[B, T_a / 2^(k-1), F / 2^(k-1), D]` of `k` blocks, with D the last width.
    """
    x = LogMagnitude(name="log_magnitude")(spectrogram)
    for number, width in enumerate(audio.widths, start=1):
        for layer in ("a", "b"):
            name = f"audio_conv{number}{layer}"
            x = keras.layers.Conv2D(
                width,
                3,
                padding="same",
                use_bias=uses_bias(norm),
                kernel_initializer="he_normal",
                name=name,
            )(x)
            x = norm_relu(x, norm, name=name)
        if number < len(audio.widths):
            x = keras.layers.MaxPooling2D(2, name=f"audio_pool{number}")(x)
    return x
