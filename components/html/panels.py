"""Estimates beside published figures, one panel per mixture type, written to a file.

Public names: `Panel` and `save_panels(path, panels, ...)`; the study draws its tables with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.estimates import Estimate
from components.html.svg import (
    STUDY_OTHER,
    STUDY_OWN,
    STUDY_PUBLISHED,
    percent_axis,
    save_figure,
)
from models.measures import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        title: its heading.
        own: row -> estimate; a row without one stays empty.
        published: row -> published figure, if there is one.
    """

    title: str
    own: Mapping[str, Estimate]
    published: Mapping[str, float]


def save_panels(
    path: Path,
    panels: Sequence[Panel],
    *,
    rows: Sequence[str],
    measure: Measure,
    reference: float | None = None,
) -> None:
    """Draw panels beside each other, on the same axes, and write them to a file.

    Args:
        path: the file; its suffix names the format.
        panels: from left to right, at least one.
        rows: labels of the rows, from top to bottom.
        measure: what the values are.
        reference: value of a vertical line, for example chance; None for none.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 0.42 * len(rows) + 1.5), layout="constrained")
    columns = figure.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)[0]
    for axes, panel in zip(columns, panels, strict=True):
        _draw(axes, panel, rows)
        if reference is not None:
            axes.axvline(reference, color=STUDY_OTHER, linestyle=":", zorder=0)
        axes.set_xlabel(measure.title)
        if measure.is_share:
            percent_axis(axes.xaxis)
    # An interval may go beyond what a share can be.
    columns[0].set_xlim(0, 1.05 * (1 if measure.is_share else max(1, _highest(panels))))
    columns[0].set_yticks(range(len(rows)), list(rows))
    columns[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=2, frameon=False)
    save_figure(figure, path)


def _highest(panels: Sequence[Panel]) -> float:
    own = [e.value + (e.half_width or 0) for panel in panels for e in panel.own.values()]
    return max(
        [*own, *(value for panel in panels for value in panel.published.values())], default=0
    )


def _draw(axes: "Axes", panel: Panel, rows: Sequence[str]) -> None:
    for place, row in enumerate(rows):
        if estimate := panel.own.get(row):
            axes.errorbar(
                estimate.value,
                place,
                xerr=estimate.half_width,
                color=STUDY_OWN,
                marker="o",
                capsize=3,
            )
        if row in panel.published:
            axes.plot(panel.published[row], place, "D", color=STUDY_PUBLISHED, fillstyle="none")
    # Several panels leave little room for each.
    axes.set_title(panel.title.replace(", ", ",\n"), loc="left", fontsize="medium")


def _legend() -> list["Line2D"]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=STUDY_OWN, marker="o", label="here, with its 95 % interval"),
        Line2D(
            [],
            [],
            color=STUDY_PUBLISHED,
            marker="D",
            fillstyle="none",
            linestyle="none",
            label="published, Kinetics-600",
        ),
    ]
