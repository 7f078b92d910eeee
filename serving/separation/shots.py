"""Shots of a video: what lies between two cuts."""

import itertools
from collections.abc import Iterable

import numpy as np

# A cut changes the colors by at least this share of their range on average, and so many times more
# than any of the two changes before and after it. Motion changes every frame, and a flash two.
_LEAST_CHANGE = 0.06
_TIMES_NEIGHBORS = 2.5
_NEIGHBORS = 2


def find_shots(frames: Iterable[np.ndarray]) -> list[range]:
    """Divide a video at its cuts.

    A cut in one of two videos that are mixed is found too, unless the other one moves wildly.

    Args:
        frames: uint8 `[h, w, 3]`, one by one; small frames are enough.

    Returns:
        The indices of the frames of each shot; none without a frame.
    """
    changes, before = [], None
    for frame in frames:
        colors = frame.astype(np.float32) / 255
        if before is not None:
            changes.append(float(np.abs(colors - before).mean()))
        before = colors
    if before is None:
        return []
    bounds = [0, *_cuts(np.array(changes)), len(changes) + 1]
    return [range(start, stop) for start, stop in itertools.pairwise(bounds)]


def _cuts(changes: np.ndarray) -> list[int]:
    """Return the frames that begin a shot, given the change from each frame to the next."""
    found = []
    for index, change in enumerate(changes):
        around = changes[max(0, index - _NEIGHBORS) : index + _NEIGHBORS + 1]
        neighbors = np.sort(around)[:-1]  # all but the largest, which a cut is itself
        most = neighbors.max(initial=0.0)
        if change == around.max() and change >= max(_LEAST_CHANGE, _TIMES_NEIGHBORS * most):
            found.append(index + 1)
    return found
