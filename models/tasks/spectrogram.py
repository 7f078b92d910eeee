"""The spectrogram that the audio networks read, by tensorflow-io.

It is part of the input pipeline, the `evaluate` signature and the served graph, which all call the
same function. The graph has TensorFlow's own operations only, so TF Serving runs it as it is.
"""

import tensorflow as tf
import tensorflow_io as tfio

from models.presets import Audio


def spectrogram(audio: tf.Tensor, settings: Audio) -> tf.Tensor:
    """Compute the magnitudes of a waveform's short-time Fourier transform.

    The waveform is padded with silence on both sides, so that the columns' windows are centered
    on it and no sample is left out.

    Args:
        audio: float32 `[B, S]` in [-1, 1].
        settings: the window and the hop.

    Returns:
        Magnitudes, float32 `[B, ceil(S / hop), window / 2 + 1]`.
    """
    samples = audio.shape[1]
    columns, frequencies = settings.shape(samples)
    padding = (columns - 1) * settings.hop + settings.window - samples
    # tensorflow-io pads the end by itself, but further than the last column reaches.
    padded = tf.pad(audio, [[0, 0], [padding // 2, 0]])
    magnitudes = tfio.audio.spectrogram(
        padded, nfft=settings.window, window=settings.window, stride=settings.hop
    )
    return tf.ensure_shape(magnitudes[:, :columns], [None, columns, frequencies])
