"""The audio network of C3, and its fusion with the visual features."""

import keras
from keras import ops

from models import PACKAGE
from models.networks.layers import norm_relu
from models.presets import Audio

_FLOOR, _SCALE = 1e-2, 0.1
"""A magnitude that is taken for silence, and what brings the loudest tone's logarithm near 2."""


@keras.saving.register_keras_serializable(PACKAGE)
class LogSpectrogram(keras.layers.Layer):
    """The log magnitude spectrogram of a waveform, part of the graph and so of the served model.

    Args:
        window: samples of the Hann window, and the transform's length; a power of two.
        hop: samples between two columns.

    Returns of a call on `[B, S]` in [-1, 1]: `[B, ceil(S / hop), window / 2 + 1, 2]`. The first
    channel is the log magnitude, 0 for silence and about 2 for the loudest tone; the second the
    same times the frequency, which goes from -1 to 1: an average over frequency then tells a high
    sound from a low one, which of convolutions alone it would not.
    """

    def __init__(self, window, hop, **kwargs):
        # The sound must not be rounded to half precision before it is transformed.
        super().__init__(autocast=False, **kwargs)
        self.window = window
        self.hop = hop

    def call(self, sound):
        """Return the log spectrogram."""
        sound = ops.cast(sound, "float32")
        columns = -(-sound.shape[1] // self.hop)
        padding = (columns - 1) * self.hop + self.window - sound.shape[1]
        sound = ops.pad(sound, ((0, 0), (padding // 2, padding - padding // 2)))
        real, imaginary = ops.stft(sound, self.window, self.hop, self.window, center=False)
        power = ops.square(real) + ops.square(imaginary)
        log = _SCALE * ops.log1p(power / _FLOOR**2)
        frequency = ops.linspace(-1.0, 1.0, self.window // 2 + 1, dtype="float32")
        channels = ops.stack([log, log * frequency], axis=-1)
        return ops.cast(channels, self.compute_dtype)

    def compute_output_shape(self, shape):
        """Return the spectrogram's shape."""
        return shape[0], -(-shape[1] // self.hop), self.window // 2 + 1, 2

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "window": self.window, "hop": self.hop}


@keras.saving.register_keras_serializable(PACKAGE)
class AudioVisualFusion(keras.layers.Layer):
    """Give every visual position the sound of its time, by concatenation.

    As published: (1) average pooling over frequency, (2) sampling in time to the visual level's
    `T_l`, (3) broadcast over space.

    Returns of a call on visual features `[B, T_l, H_l, W_l, C]` and audio features
    `[B, T_a, F, D]`: `[B, T_l, H_l, W_l, C + D]`.
    """

    def call(self, visual, audio):
        """Return the fused features."""
        _, t, h, w, _ = visual.shape
        times = audio.shape[1]
        pooled = ops.mean(audio, axis=2)
        # The audio column at the middle of each visual step.
        columns = [min(int((step + 0.5) * times / t), times - 1) for step in range(t)]
        sampled = ops.take(pooled, columns, axis=1)
        space = ops.ones((1, 1, h, w, 1), dtype=sampled.dtype)
        return ops.concatenate([visual, sampled[:, :, None, None] * space], axis=-1)

    def compute_output_shape(self, visual_shape, audio_shape):
        """Return the fused features' shape."""
        return (*visual_shape[:-1], visual_shape[-1] + audio_shape[-1])


def audio_network(sound, audio: Audio, *, norm):
    """Apply the VGG-like network on the log spectrogram.

    Args:
        sound: waveform `[B, S]` in [-1, 1].
        audio: the spectrogram's window and hop, and the blocks' widths.
        norm: `"batch"` or `"none"`.

    Returns:
        Features `[B, T_a, F, D]`, with D the last width.
    """
    x = LogSpectrogram(audio.window, audio.hop, name="spectrogram")(sound)
    for number, width in enumerate(audio.widths, start=1):
        for layer in ("a", "b"):
            name = f"audio_conv{number}{layer}"
            x = keras.layers.Conv2D(
                width,
                3,
                padding="same",
                use_bias=norm == "none",
                kernel_initializer="he_normal",
                name=name,
            )(x)
            x = norm_relu(x, norm, name=name)
        if number < len(audio.widths):
            x = keras.layers.MaxPooling2D(2, name=f"audio_pool{number}")(x)
    return x
