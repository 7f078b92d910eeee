"""What a separation found, in words for people."""

from collections.abc import Sequence
from statistics import fmean

from serving.separation.run_state import RunState

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
    choices = [window.chosen for window in windows if window.chosen is not None]
    lines = []
    for index, name in enumerate(names):
        share = (
            f"chosen in {choices.count(index) / len(choices):.0%} of the video" if choices else ""
        )
        lines.append(f"  {name:<18}{share}".rstrip())
    lines.append(
        f"{_counted(settings.frames, 'frame')} of {settings.width}x{settings.height}, "
        f"{_counted(len(windows), 'window')} in {_counted(len(state.shots), 'shot')}"
    )
    if choices and all(window.is_silent for window in windows):
        lines.append("The cue is silent, so the choice is not meaningful.")
    difference = fmean(window.difference for window in windows)
    if len(names) > 1 and difference < ALIKE:
        lines.append(
            f"The outputs differ by only {difference:.1%} of the color range: "
            "the video probably shows one video, not a mixture."
        )
    return lines


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
