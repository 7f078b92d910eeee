"""Audio as 16-bit integers and as floats: the one place that converts between them."""

import math
from typing import Any

import numpy as np

FULL_SCALE = 32_768.0
"""The int16 value that would be 1.0."""
SILENCE = -120.0
"""Loudness in dBFS of digital silence; nothing that 16 bits hold is this quiet."""


def to_float(samples: np.ndarray) -> np.ndarray:
    """Convert audio from int16 to float32 in [-1, 1); exact, and undone by `to_int16`."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def to_int16(samples: Any) -> np.ndarray:
    """Convert audio from float in [-1, 1] to int16, rounded; louder samples are clipped."""
    scaled = np.round(np.asarray(samples) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


class LoudnessMeter:
    """Measures the RMS level of audio that comes in parts."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._samples = 0

    def add(self, samples: np.ndarray) -> None:
        """Take the next samples, int16 `[S]`."""
        self._energy += float(np.sum(np.square(to_float(samples), dtype=np.float64)))
        self._samples += samples.size

    def loudness(self) -> float:
        """Return the level in dBFS, from `SILENCE` (also without any sample) to 0."""
        if not self._energy:
            return SILENCE
        return max(SILENCE, 10 * math.log10(self._energy / self._samples))


def loudness(samples: np.ndarray) -> float:
    """Return the RMS level of audio in dBFS; a square wave at full scale has 0.

    Args:
        samples: int16 `[S]`.

    Returns:
        From `SILENCE` (also without any sample) to 0.
    """
    meter = LoudnessMeter()
    meter.add(samples)
    return meter.loudness()
