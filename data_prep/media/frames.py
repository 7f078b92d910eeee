"""Frame selection: the middle window and evenly spaced indices."""

import numpy as np

from data_prep.config import ClipConfig


def middle_start(duration: float, clip: ClipConfig) -> float:
    """Return the start in seconds of the window in the middle of a video; 0 in a shorter one."""
    return max(0.0, (duration - clip.seconds) / 2)


def evenly_spaced(count: int, length: int) -> np.ndarray:
    """Return at most `count` indices from 0 to `length - 1`, evenly spaced, the ends included.

    Returns:
        int64 `[min(count, length)]`, increasing.
    """
    return np.linspace(0, length - 1, min(count, length)).round().astype(int)
