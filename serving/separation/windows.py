"""Overlapping windows that cover a video, as many frames each as a model takes."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class VideoWindow:
    """Frames of one shot that are separated together.

    Attributes:
        start: first frame.
        stop: the frame behind the last one.
    """

    start: int
    stop: int


def plan_windows(shots: Iterable[range], length: int, overlap: int) -> list[VideoWindow]:
    """Cover each shot with windows, evenly spread.

    Args:
        shots: frames of each shot, in order.
        length: frames of a window; a shorter shot gets a shorter window.
        overlap: frames that neighbors share at least, less than `length`.

    Returns:
        The windows by start. None extends over a cut.
    """
    windows = []
    for shot in shots:
        last = max(0, len(shot) - length)
        count = 1 + math.ceil(last / (length - overlap))
        starts = np.linspace(0, last, count).round().astype(int) + shot.start
        windows += [VideoWindow(int(s), min(int(s) + length, shot.stop)) for s in starts]
    return windows


def cut_windows(
    frames: Iterable[np.ndarray], windows: Sequence[VideoWindow], length: int
) -> Iterator[np.ndarray]:
    """Cut windows out of a video that is read only once.

    Args:
        frames: `[h, w, 3]`, from the first window's first frame on.
        windows: the windows by start.
        length: frames of a window; a shorter one repeats its last frame.

    Yields:
        `[length, h, w, 3]` for each window. No more than one window's frames are held.
    """
    source = iter(frames)
    held: deque[np.ndarray] = deque()
    first = windows[0].start if windows else 0  # of the frames that are held
    for window in windows:
        while first < window.start:
            if held:
                held.popleft()
            else:
                next(source)
            first += 1
        while first + len(held) < window.stop:
            held.append(next(source))
        count = window.stop - window.start
        cut = np.stack([held[i] for i in range(count)])
        yield np.pad(cut, ((0, length - count), (0, 0), (0, 0), (0, 0)), mode="edge")
