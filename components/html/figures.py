"""Figures of a report, as SVG that takes the page's colours."""

import io
import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.analyses.control_shift import SILENCE, STRANGER
from components.report.curves import Curve
from components.report.findings import Measure, Row, Value

# Stands for the page's own colour of text, which differs between light and dark.
_INK = "#123456"
_OWN, _OTHER, _TRAIN = "#2f81d6", "#8c8c96", "#8aa4c0"
_HELD_OUT = "#e0862b"
_COLOURS = {"own": _OWN, "baseline": _OTHER, "published": _OTHER}
_STYLE = {
    "font.size": 9,
    "svg.fonttype": "none",
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}
_WIDTH = 4.4

_PLOTTED = ("loss", "control_accuracy", "accuracy", "mixed_accuracy")
_CURVES = (
    *("loss", "control_accuracy", "score_error"),
    *("accuracy", "mixed_accuracy", "cross_entropy"),
)


def comparisons(
    comparison: Mapping[str, Sequence[Row]], measures: Sequence[Measure]
) -> list[Markup]:
    """Draw the chief measures, a figure a mixture type; those of a measure share their axis."""
    figures = []
    for measure in measures:
        if measure.name in _PLOTTED:
            values = [r.values.get(measure.name) for rows in comparison.values() for r in rows]
            top = max(v.number + (v.half or 0) for v in values if v)
            figures += [
                _comparison(f"{measure.title}, {name}", rows, measure, 1.06 * top)
                for name, rows in comparison.items()
            ]
    return figures


def _comparison(title: str, rows: Sequence[Row], measure: Measure, top: float) -> Markup:
    """Draw one measure of each row as a dot with its interval; published figures are hollow."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if measure.name in row.values]

    def draw():
        figure = Figure((_WIDTH, 0.65 + 0.27 * len(rows)))
        axes = figure.add_subplot(title=title)
        for place, row in enumerate(rows):
            value, colour = row.values[measure.name], _COLOURS[row.kind]
            axes.errorbar(
                value.number, place, xerr=value.half, fmt="o", color=colour, capsize=3,
                markersize=6, markerfacecolor="none" if row.kind == "published" else colour,
            )  # fmt: skip
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, top)
        if measure.percent:
            axes.set_xlim(0, 1)
            axes.xaxis.set_major_formatter(_percent)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=_OTHER, alpha=0.25, linewidth=0.6)
        return figure

    told = "; ".join(f"{r.label} {measure.format(r.values[measure.name].number)}" for r in rows)
    return _svg(draw, f"{title}: {told}")


def control_shift(title: str, heard: Mapping[float | str, Value]) -> Markup:
    """Draw control accuracy by control sound: seconds of shift, `stranger` or `silence`."""
    from matplotlib.figure import Figure

    def draw():
        figure = Figure((_WIDTH, 2.5))
        axes = figure.add_subplot(title=title, xlabel="shift of the control sound, s")
        colours = {STRANGER: _HELD_OUT, SILENCE: _OTHER}
        draw_control_shift(axes, heard, own=_OWN, others=colours)
        axes.yaxis.set_major_formatter(_percent)
        axes.grid(color=_OTHER, alpha=0.25, linewidth=0.6)
        axes.legend(fontsize=8, loc="lower left")
        return figure

    told = "; ".join(
        f"{sound if isinstance(sound, str) else f'{sound:+g} s'} {100 * value.number:.0f} %"
        for sound, value in heard.items()
    )
    return _svg(draw, f"{title}: {told}")


def draw_control_shift(
    axes, heard: Mapping[float | str, Value], *, own: str, others: Mapping[str, str]
) -> None:
    """Draw a curve over the shifts, and a band for each of the other sounds.

    Args:
        axes: Matplotlib's.
        heard: seconds of shift, `stranger` or `silence` -> control accuracy.
        own: the curve's colour.
        others: colours of the bands.
    """
    curve = {sound: value for sound, value in heard.items() if not isinstance(sound, str)}
    axes.errorbar(
        list(curve), [value.number for value in curve.values()],
        [value.half for value in curve.values()], label="V1's sound", color=own, marker="o",
        markersize=5, capsize=3,
    )  # fmt: skip
    for sound, words in ((STRANGER, "a stranger's sound"), (SILENCE, "silence")):
        if sound in heard:
            value, colour = heard[sound], others[sound]
            low, high = value.number - value.half, value.number + value.half
            axes.axhspan(low, high, color=colour, alpha=0.12, linewidth=0)
            axes.axhline(value.number, color=colour, linestyle="--", label=words)
    axes.set_ylim(0, 1.03)


def training(curves: Mapping[str, Curve], measures: Sequence[Measure]) -> list[Markup]:
    """Draw a training's curves, a figure a quantity; none where nothing was trained.

    Args:
        curves: see `components.report.curves.read_curves`.
        measures: what says something about the system; of others there is no figure.
    """
    panels = [(measure.name, measure.title) for measure in measures if measure.name in _CURVES]
    if "train/loss" not in curves:  # else the objective is the sum of others that are drawn
        panels.append(("objective", "objective"))
    figures = []
    for name, title in panels:
        lines = [
            ("training", _TRAIN, "", curves.get(f"train/{name}")),
            ("held out", _HELD_OUT, "o", curves.get(f"held_out/{name}")),
        ]
        lines = [line for line in lines if line[-1]]
        if lines:
            identity = curves.get("held_out/identity_loss") if name == "loss" else None
            figures.append(_curves(title, lines, identity, percent="accuracy" in name))
    return figures


def _curves(title: str, lines, identity: Curve | None, *, percent: bool) -> Markup:
    from matplotlib.figure import Figure

    def draw():
        figure = Figure((_WIDTH, 2.5))
        axes = figure.add_subplot(title=title, xlabel="step")
        for label, colour, marker, curve in lines:
            steps, values = zip(*curve, strict=True)
            axes.plot(
                steps, values, marker=marker, markersize=4, color=colour, label=label,
                linewidth=1.4,
            )  # fmt: skip
        if identity:  # the same at every step
            axes.axhline(identity[-1][1], color=_OTHER, linestyle="--", label="Identity, held out")
        if percent:
            axes.set_ylim(0, 1)
            axes.yaxis.set_major_formatter(_percent)
        else:
            axes.set_ylim(bottom=min(0, *(y for *_, curve in lines for _, y in curve)))
        axes.grid(color=_OTHER, alpha=0.25, linewidth=0.6)
        axes.legend(fontsize=8, ncols=3)
        return figure

    told = "; ".join(f"{label} {curve[-1][1]:.3g}" for label, *_, curve in lines)
    return _svg(draw, f"{title} over the steps of training; at the end {told}")


def _percent(value: float, _position=None) -> str:
    return f"{100 * value:.0f} %"


def _svg(draw, alt: str) -> Markup:
    """Turn a figure into an SVG element that scales with its column."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    # Of the salt ids are made: a figure's own keeps them apart on the page.
    with rc_context({**_STYLE, "svg.hashsalt": alt}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        draw().savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Several figures share a page, in which an id may stand once.
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    label = Markup.escape(alt)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))
