"""tensorflow-io's spectrogram against NumPy's and Keras's transforms."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import numpy_spectrogram

from models.presets import PRESETS, Audio
from models.tasks.spectrogram import spectrogram

SETTINGS = Audio(window=64, hop=24, widths=())


def noise(*shape) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("samples", [600, 601, 623, 64, 10])
def test_spectrogram_is_the_definition(samples):
    audio = noise(2, samples)
    result = spectrogram(tf.constant(audio), SETTINGS)
    assert (result.dtype, result.shape[1:]) == (tf.float32, SETTINGS.shape(samples))
    np.testing.assert_allclose(result, numpy_spectrogram(audio, SETTINGS), atol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_spectrogram_is_keras_s_transform_at_every_preset(preset):
    settings, samples = PRESETS[preset].audio, PRESETS[preset].clip.samples
    audio = noise(2, samples)
    columns, _ = settings.shape(samples)
    padding = (columns - 1) * settings.hop + settings.window - samples
    padded = np.pad(audio, ((0, 0), (padding // 2, padding - padding // 2)))
    real, imaginary = keras.ops.stft(
        padded, settings.window, settings.hop, settings.window, center=False
    )
    result = spectrogram(tf.constant(audio), settings)
    np.testing.assert_allclose(result, np.hypot(real, imaginary), rtol=1e-4, atol=1e-4)


def test_spectrogram_of_silence_is_0():
    np.testing.assert_array_equal(spectrogram(tf.zeros([1, 600]), SETTINGS), 0)


def test_spectrogram_peaks_at_the_tone():
    tone = np.sin(2 * np.pi * 8 / 64 * np.arange(640)).astype(np.float32)
    result = spectrogram(tf.constant(tone[None]), SETTINGS)[0].numpy()
    assert (result[2:-2].argmax(axis=-1) == 8).all()
