"""Outputs of overlapping windows joined into videos, each of which shows one layer throughout."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from serving.separation.windows import VideoWindow


@dataclass(frozen=True, eq=False)
class SeparatedWindow:
    """A window and its separation.

    Attributes:
        window: which frames.
        mixture: uint8 `[T, h, w, 3]`; T may exceed the window's frames.
        outputs: uint8 `[n, T, h, w, 3]`.
        chosen: index in `outputs` of the one that the model selects; None without control.
        is_silent: whether there was no audible cue.
    """

    window: VideoWindow
    mixture: np.ndarray
    outputs: np.ndarray
    chosen: int | None
    is_silent: bool

    def reordered(self, order: Sequence[int]) -> "SeparatedWindow":
        """Put the output with index `order[i]` in place `i`."""
        return replace(
            self,
            outputs=self.outputs[list(order)],
            chosen=None if self.chosen is None else list(order).index(self.chosen),
        )


@dataclass(frozen=True, eq=False)
class SeparatedFrame:
    """A frame and its layers.

    Attributes:
        mixture: uint8 `[h, w, 3]`.
        outputs: float32 `[n, h, w, 3]` in [0, 255].
    """

    mixture: np.ndarray
    outputs: np.ndarray


def track_layers(
    windows: Iterable[SeparatedWindow], before: SeparatedWindow | None = None
) -> Iterator[SeparatedWindow]:
    """Reorder the outputs of each window, so that each stays the layer that it is.

    Within a shot, outputs are assigned to those of the window before by their difference on the
    frames that both show. Nothing is matched across a cut. There the chosen output takes the place
    of the one that was chosen before, and without control the model's order stays.

    Args:
        windows: the windows by start, in the model's order.
        before: the window before the first of them, already reordered; None for the first window.
    """
    for window in windows:
        if before is None:
            before = window
        elif window.window.start < before.window.stop:
            before = window.reordered(_matched(before, window))
        else:
            before = window.reordered(_same_choice(before, window))
        yield before


def cross_fade(windows: Iterable[SeparatedWindow]) -> Iterator[SeparatedFrame]:
    """Join windows into frames.

    A frame's output is the mean of those of all windows that show it. A window weighs the more,
    the further the frame is from the window's ends.

    Args:
        windows: the windows by start, without a gap.

    Yields:
        The frames from the first window's first one on. No more than one window's frames are held.
    """
    sums: deque[_Sum] = deque()
    first = 0  # frame of sums[0]
    for window in windows:
        span = window.window
        if not sums:
            first = span.start
        while sums and first < span.start:
            yield sums.popleft().mean()
            first += 1
        first = span.start
        length = span.stop - span.start
        for index in range(length):
            if index == len(sums):
                sums.append(_Sum(window.mixture[index]))
            sums[index].add(window.outputs[:, index], min(index + 1, length - index))
    yield from (held.mean() for held in sums)


class _Sum:
    """Weighted sum of a frame's outputs."""

    def __init__(self, mixture: np.ndarray) -> None:
        self._mixture = mixture
        self._outputs: np.ndarray | None = None
        self._weight = 0

    def add(self, outputs: np.ndarray, weight: int) -> None:
        weighted = outputs.astype(np.float32) * weight
        self._outputs = weighted if self._outputs is None else self._outputs + weighted
        self._weight += weight

    def mean(self) -> SeparatedFrame:
        assert self._outputs is not None
        return SeparatedFrame(self._mixture, self._outputs / self._weight)


def _matched(before: SeparatedWindow, window: SeparatedWindow) -> list[int]:
    """Assign a window's outputs to those of the window before that overlaps it."""
    shared = before.window.stop - window.window.start
    length = before.window.stop - before.window.start
    old = before.outputs[:, length - shared : length].astype(np.float32)
    new = window.outputs[:, :shared].astype(np.float32)
    costs = [[float(np.abs(a - b).mean()) for b in new] for a in old]
    _, order = linear_sum_assignment(costs)
    return [int(i) for i in order]


def _same_choice(before: SeparatedWindow, window: SeparatedWindow) -> list[int]:
    """Swap the chosen output into the place of the one that was chosen before."""
    order = list(range(len(window.outputs)))
    if before.chosen is not None and window.chosen is not None:
        order[before.chosen], order[window.chosen] = window.chosen, before.chosen
    return order
