"""Figures of the control-shift analysis, for the page and for the study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from components.analyses.control_shift.shift_results import (
    SAME_CLASS_AUDIO,
    SILENT_AUDIO,
    UNRELATED_AUDIO,
    ShiftCurve,
)
from components.estimates import Estimate
from components.html.svg import (
    HELD_OUT,
    OTHER,
    OWN,
    STUDY_FURTHER,
    STUDY_OTHER,
    STUDY_OWN,
    STUDY_PUBLISHED,
    TRAINING,
    WIDTH,
    inline_svg,
    legend_below,
    percent_axis,
    save_figure,
)
from models.measures import CONTROL_ACCURACY

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = {UNRELATED_AUDIO: "--", SAME_CLASS_AUDIO: "-.", SILENT_AUDIO: ":"}
"""Cues beside the shifts, and their lines in figures."""

_X_LABEL = "shift of the audio (s)"


@dataclass(frozen=True)
class DrawnCurve:
    """The points that a figure shows.

    Attributes:
        shifts: seconds -> control accuracy.
        bands: name of another cue -> control accuracy.
    """

    shifts: Mapping[float, Estimate]
    bands: Mapping[str, Estimate]

    @classmethod
    def of(cls, curve: ShiftCurve, found: Mapping[str, Estimate] | None = None) -> "DrawnCurve":
        """Collect the points of a curve that cover any mixture.

        Args:
            curve: the curve.
            found: name of a cue -> control accuracy; by default the curve's own.
        """
        if found is None:
            points = curve.points.items()
            found = {name: p.control_accuracy for name, p in points if p.control_accuracy}
        return cls(
            {p.seconds: found[p.label] for p in curve.shifts if p.label in found},
            {name: found[name] for name in _LINES if name in found},
        )


def inline_figure(title: str, drawn: DrawnCurve) -> Markup:
    """Draw control accuracy by cue as an SVG element of a page."""

    def draw() -> "Figure":
        from matplotlib.figure import Figure

        figure = Figure((WIDTH, 3.2))
        axes = figure.add_subplot(title=title, xlabel=_X_LABEL)
        colors = {UNRELATED_AUDIO: HELD_OUT, SAME_CLASS_AUDIO: TRAINING, SILENT_AUDIO: OTHER}
        _draw(axes, drawn, own=OWN, bands=colors)
        percent_axis(axes.yaxis)
        axes.grid(color=OTHER, alpha=0.25, linewidth=0.6)
        legend_below(figure)
        return figure

    values = {f"{shift:+g} s": estimate for shift, estimate in drawn.shifts.items()}
    values.update(drawn.bands)
    said = (f"{name} {CONTROL_ACCURACY.format(e.value)}" for name, e in values.items())
    return inline_svg(draw, f"{title}: {'; '.join(said)}")


def save_figures(rows: Sequence[Mapping[str, DrawnCurve]], path: Path) -> None:
    """Draw curves beside and below each other, and write them to a file.

    Args:
        rows: title of a panel -> its curve, from top to bottom; at least one, and none empty.
        path: the file; its suffix names the format.
    """
    from matplotlib.figure import Figure

    columns = max(map(len, rows))
    figure = Figure((4.6 * columns, 3.1 * len(rows) + 0.5), layout="constrained")
    grid = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
    colors = {
        UNRELATED_AUDIO: STUDY_PUBLISHED,
        SAME_CLASS_AUDIO: STUDY_FURTHER,
        SILENT_AUDIO: STUDY_OTHER,
    }
    legend: dict[str, Artist] = {}
    for places, row in zip(grid, rows, strict=True):
        for axes, (title, drawn) in zip(places, row.items(), strict=False):
            _draw(axes, drawn, own=STUDY_OWN, bands=colors)
            axes.set_title(title, loc="left", fontsize="medium")
            legend.update(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        for axes in places[len(row) :]:
            axes.set_axis_off()
        places[0].set_ylabel(CONTROL_ACCURACY.title)
    for axes in grid[-1]:
        axes.set_xlabel(_X_LABEL)
    percent_axis(grid[0][0].yaxis)
    figure.legend(
        list(legend.values()),
        list(legend),
        loc="outside lower center",
        ncols=2 * columns,
        frameon=False,
    )
    save_figure(figure, path)


def _draw(axes: "Axes", drawn: DrawnCurve, *, own: str, bands: Mapping[str, str]) -> None:
    """Draw the shifts as a curve, and the other cues as horizontal bands."""
    estimates = list(drawn.shifts.values())
    axes.errorbar(
        list(drawn.shifts),
        [estimate.value for estimate in estimates],
        [estimate.half_width or 0.0 for estimate in estimates],
        label="V1's audio",
        color=own,
        marker="o",
        markersize=5,
        capsize=3,
    )
    for name, estimate in drawn.bands.items():
        half = estimate.half_width or 0.0
        low, high = estimate.value - half, estimate.value + half
        axes.axhspan(low, high, color=bands[name], alpha=0.12, linewidth=0)
        axes.axhline(estimate.value, color=bands[name], linestyle=_LINES[name], label=name)
    axes.set_ylim(0, 1.03)
