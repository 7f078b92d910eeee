"""What a separation found, in words for people."""

import itertools
from collections.abc import Sequence
from statistics import fmean

from serving.separation.run_state import RunState, WindowResult

# Outputs that differ less, on colors in [0, 1], show the same. Those of two videos differ by 0.1
# and more.
ALIKE = 0.02


def describe(state: RunState, names: Sequence[str]) -> list[str]:
    """Return lines about a complete separation.

    Args:
        state: the separation.
        names: names of the files, by output.
    """
    settings, windows = state.settings, state.windows
    shares = _chosen_shares(state, len(names))
    lines = []
    for name, share in zip(names, shares, strict=True):
        words = "" if share is None else f"chosen in {share:.0%} of the video"
        lines.append(f"  {name:<18}{words}".rstrip())
    lines.append(
        f"{_counted(settings.frames, 'frame')} of {settings.width}x{settings.height}, "
        f"{_counted(len(windows), 'window')} in {_counted(len(state.shots), 'shot')}"
    )
    lines += _silence(state)
    difference = fmean(window.difference for window in windows)
    if len(names) > 1 and difference < ALIKE:
        lines.append(
            f"The outputs differ by only {difference:.1%} of the color range: "
            "the video probably shows one video, not a mixture."
        )
    return lines


def _chosen_shares(state: RunState, outputs: int) -> list[float | None]:
    """Return the share of the time with an audible cue in which each output is chosen.

    None for every output if there is no such time, or no choice.
    """
    audible = [
        (frames, window.chosen)
        for frames, window in _timed_windows(state)
        if window.chosen is not None and not window.is_silent
    ]
    total = sum(frames for frames, _ in audible)
    if not total:
        return [None] * outputs
    return [
        sum(frames for frames, chosen in audible if chosen == index) / total
        for index in range(outputs)
    ]


def _silence(state: RunState) -> list[str]:
    """Return a line about a cue that is silent at times; none without control."""
    timed = [(frames, w) for frames, w in _timed_windows(state) if w.chosen is not None]
    silent = sum(frames for frames, window in timed if window.is_silent)
    total = sum(frames for frames, _ in timed)
    if not silent:
        return []
    if silent == total:
        return ["The cue is silent, so the choice is not meaningful."]
    return [f"The cue is silent in {silent / total:.0%} of the video, which does not count."]


def _timed_windows(state: RunState) -> list[tuple[int, WindowResult]]:
    """Return the windows, and the frames of the model from the start of each to that of the next.

    A slow video needs no windows behind its last frame, so there may be fewer than planned.
    """
    plan = state.plan()
    bounds = [*(window.start for window in plan), plan[-1].stop]
    frames = (stop - start for start, stop in itertools.pairwise(bounds))
    return list(zip(frames, state.windows, strict=False))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
