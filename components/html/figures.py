"""Figures of tables and training curves, as SVG elements of a page."""

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
    percent_axis,
)
from components.tables import Row, RowKind, Table
from models.measures import MEASURES, Measure

if TYPE_CHECKING:
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


def comparisons(tables: Sequence[Table], measures: Sequence[Measure]) -> list[Markup]:
    """Draw measures of several tables, one figure each; those of a measure share their axis.

    Args:
        tables: their captions become part of the figures' titles.
        measures: what to draw.
    """
    figures = []
    for measure in measures:
        found = [
            estimate
            for table in tables
            for row in table.rows
            if (estimate := row.estimates.get(measure.name))
        ]
        top = 1.06 * max((e.value + (e.half_width or 0) for e in found), default=0)
        figures += [_comparison(table, measure, top) for table in tables]
    return figures


def _comparison(table: Table, measure: Measure, top: float) -> Markup:
    """Draw one measure of each row as a dot with its interval; published figures are hollow."""
    rows = [row for row in table.rows if measure.name in row.estimates]
    title = f"{measure.title}, {table.caption}"

    def draw() -> "Figure":
        from matplotlib.figure import Figure

        figure = Figure((WIDTH, 0.65 + 0.27 * len(rows)))
        axes = figure.add_subplot(title=title)
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
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, 1 if measure.is_share else top)
        if measure.is_share:
            percent_axis(axes.xaxis)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=OTHER, alpha=0.25, linewidth=0.6)
        return figure

    return inline_svg(draw, f"{title}: {'; '.join(_said(measure, row) for row in rows)}")


def _said(measure: Measure, row: Row) -> str:
    return f"{row.label} {measure.format(row.estimates[measure.name].value)}"


@dataclass(frozen=True)
class _Line:
    label: str
    color: str
    marker: str
    curve: Curve


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
        lines = [
            _Line(label, color, marker, curves[tag])
            for label, color, marker, tag in (
                ("training", TRAINING, "", f"train/{measure.name}"),
                ("held out", HELD_OUT, "o", f"held_out/{measure.name}"),
            )
            if tag in curves
        ]
        reference = references.get(measure.name)
        if lines:
            line = _reference(curves, reference) if reference else None
            figures.append(_curves(measure, lines, line))
    return figures


def _reference(curves: Mapping[str, Curve], measure: Measure) -> _Line | None:
    curve = curves.get(f"held_out/{measure.name}")
    return _Line(f"{measure.title}, held out", OTHER, "", curve) if curve else None


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
            axes.set_ylim(bottom=min(0, *(y for line in lines for _, y in line.curve)))
        axes.grid(color=OTHER, alpha=0.25, linewidth=0.6)
        axes.legend(fontsize=8, ncols=3)
        return figure

    last = "; ".join(f"{line.label} {line.curve[-1][1]:.3g}" for line in lines)
    return inline_svg(draw, f"{measure.title} over the training steps; at the end {last}")
