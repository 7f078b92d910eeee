"""Figures of tables and training curves, as SVG elements of a page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from components.html.svg import (
    HELD_OUT,
    OTHER,
    OWN,
    TRAINING,
    WIDTH,
    inline_svg,
    legend_below,
    percent_axis,
)
from components.html.visible_text import shortened
from components.tables import Row, RowKind, Table
from models.measures import MEASURES, Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Sequence[tuple[int, float]]
"""Points (step, value) by step."""


@dataclass(frozen=True)
class _Dot:
    """Look of a row's dot."""

    color: str
    hollow: bool = False


_DOTS = {
    RowKind.OWN: _Dot(OWN),
    RowKind.BASELINE: _Dot(OTHER),
    RowKind.PUBLISHED: _Dot(OTHER, hollow=True),
}
_OBJECTIVE = Measure("objective", "objective")
_MOST_POINTS = 400  # a figure has fewer pixels
_MOST_MARKERS = 60


def comparisons(tables: Sequence[Table], measures: Sequence[Measure]) -> list[Markup]:
    """Draw measures of several tables, one figure each; those of a measure share their axis.

    Args:
        tables: if there are several, their captions become part of the figures' titles.
        measures: what to draw; a table without any value of a measure has no figure of it.
    """
    figures = []
    for measure in measures:
        drawn = [table for table in tables if _rows_with(measure, table)]
        limits = (0.0, 1.0) if measure.is_share else _limits(measure, drawn)
        for table in drawn:
            title = f"{measure.title}, {table.caption}" if len(tables) > 1 else measure.title
            figures.append(_comparison(table, measure, title, limits))
    return figures


def _rows_with(measure: Measure, table: Table) -> list[Row]:
    return [row for row in table.rows if measure.name in row.estimates]


def _limits(measure: Measure, tables: Sequence[Table]) -> tuple[float, float]:
    """Return the ends of an axis from 0 that holds every estimate with its interval."""
    found = [row.estimates[measure.name] for table in tables for row in _rows_with(measure, table)]
    low = min((e.value - (e.half_width or 0) for e in found), default=0)
    high = max((e.value + (e.half_width or 0) for e in found), default=0)
    return (1.06 * min(low, 0), 1.06 * max(high, 0) or 1.0)


def _comparison(table: Table, measure: Measure, title: str, limits: tuple[float, float]) -> Markup:
    """Draw one measure of each row as a dot with its interval; published figures are hollow."""
    rows = _rows_with(measure, table)

    def draw() -> "Figure":
        from matplotlib.figure import Figure

        figure = Figure((WIDTH, 0.65 + 0.27 * len(rows)))
        axes = figure.add_subplot(title=shortened(title))
        for place, row in enumerate(rows):
            estimate, dot = row.estimates[measure.name], _DOTS[row.kind]
            axes.errorbar(
                estimate.value,
                place,
                xerr=estimate.half_width,
                fmt="o",
                color=dot.color,
                capsize=3,
                markersize=6,
                markerfacecolor="none" if dot.hollow else dot.color,
            )
        axes.set_yticks(range(len(rows)), [shortened(row.label) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(limits)
        if measure.is_share:
            percent_axis(axes.xaxis)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=OTHER, alpha=0.25, linewidth=0.6)
        return figure

    values = "; ".join(_said(measure, row) for row in rows)
    return inline_svg(draw, f"{measure.title}, {table.caption}: {values}")


def _said(measure: Measure, row: Row) -> str:
    return f"{row.label} {measure.format(row.estimates[measure.name].value)}"


@dataclass(frozen=True)
class _Line:
    label: str
    color: str
    marker: str
    curve: Curve

    @classmethod
    def of(cls, label: str, color: str, marker: str, curve: Curve) -> "_Line | None":
        """Make a line of the points that can be drawn; None if there are none."""
        drawn = [point for point in curve if math.isfinite(point[1])]
        if not drawn:
            return None
        if lost := len(curve) - len(drawn):
            label += f" ({lost} of {len(curve)} not finite)"
        step = -(-len(drawn) // _MOST_POINTS)
        last = len(drawn) - 1
        kept = [point for i, point in enumerate(drawn) if i % step == 0 or i == last]
        if len(kept) == 1:
            marker = "o"  # a line needs two
        return cls(label, color, marker if len(kept) <= _MOST_MARKERS else "", kept)


def training(curves: Mapping[str, Curve], measures: Sequence[Measure]) -> list[Markup]:
    """Draw the curves of a training run, one figure per measure; none if nothing was trained.

    Args:
        curves: TensorBoard tag, `train/NAME` or `held_out/NAME`, -> curve.
        measures: the measures to draw, if the run logged them.
    """
    panels = list(measures)
    # If the loss is not logged, the objective stands in for it. Otherwise the objective is a sum of
    # measures that are drawn anyway.
    if "train/loss" not in curves:
        panels.append(_OBJECTIVE)
    references = {
        numerator: MEASURES[denominator]
        for numerator, denominator in (m.ratio_of for m in measures if m.ratio_of)
    }
    figures = []
    for measure in panels:
        found = (
            _Line.of(label, color, marker, curves.get(tag, ()))
            for label, color, marker, tag in (
                ("training", TRAINING, "", f"train/{measure.name}"),
                ("held out", HELD_OUT, "o", f"held_out/{measure.name}"),
            )
        )
        lines = [line for line in found if line]
        reference = references.get(measure.name)
        if lines:
            line = _reference(curves, reference) if reference else None
            figures.append(_curves(measure, lines, line))
    return figures


def start_at_zero(axes: "Axes") -> None:
    """Let the y axis start at 0, or at the lowest value below it, with room above the highest."""
    lowest = min(0, axes.dataLim.y0)
    # Counted in first, so that the room is a share of the whole axis even if a curve is flat.
    axes.update_datalim([(axes.dataLim.x0, lowest)])
    axes.autoscale_view()
    axes.set_ylim(bottom=lowest)


def _reference(curves: Mapping[str, Curve], measure: Measure) -> _Line | None:
    curve = curves.get(f"held_out/{measure.name}", ())
    return _Line.of(f"{measure.title}, held out", OTHER, "", curve)


def _curves(measure: Measure, lines: Sequence[_Line], reference: _Line | None) -> Markup:
    def draw() -> "Figure":
        from matplotlib.figure import Figure

        figure = Figure((WIDTH, 2.5))
        axes = figure.add_subplot(title=measure.title, xlabel="step")
        for line in lines:
            steps, values = zip(*line.curve, strict=True)
            axes.plot(
                steps,
                values,
                marker=line.marker,
                markersize=4,
                color=line.color,
                label=line.label,
                linewidth=1.4,
            )
        if reference:  # the same at every step
            value = reference.curve[-1][1]
            axes.axhline(value, color=reference.color, linestyle="--", label=reference.label)
        if measure.is_share:
            axes.set_ylim(0, 1)
            percent_axis(axes.yaxis)
        else:
            start_at_zero(axes)
        axes.grid(color=OTHER, alpha=0.25, linewidth=0.6)
        legend_below(figure)
        return figure

    last = "; ".join(f"{line.label} {line.curve[-1][1]:.3g}" for line in lines)
    return inline_svg(draw, f"{measure.title} over the training steps; at the end {last}")
