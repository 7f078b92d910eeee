"""Audio as 16-bit integers and as floats: the one place that converts between them."""

from typing import Any

import numpy as np

FULL_SCALE = 32_768.0
"""The int16 value that would be 1.0."""


def to_float(samples: np.ndarray) -> np.ndarray:
    """Convert audio from int16 to float32 in [-1, 1); exact, and undone by `to_int16`."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def to_int16(samples: Any) -> np.ndarray:
    """Convert audio from float in [-1, 1] to int16, rounded; louder samples are clipped."""
    scaled = np.round(np.asarray(samples) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
