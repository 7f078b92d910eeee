"""The study's figures as pictures."""

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from components.analyses.control_shift import SILENCE, STRANGER
from components.html import figures as plots
from components.report.findings import Value
from data_prep.storage import replacing
from pipeline.study.averages import Column
from pipeline.study.estimate import Estimate

_OURS, _PUBLISHED, _MUTED = "#1f6f8b", "#c8553d", "#808080"


def draw_rows(
    ours: Mapping[str, Column],
    published: Callable[[str, str], float | None],
    titles: Mapping[str, str],
    path: Path,
    *,
    label: str,
    percent: bool = False,
    reference: float | None = None,
) -> None:
    """Draw a figure of each row with its interval, and the published one, by mixture type.

    Args:
        ours: mixture type -> row -> the figure.
        published: row and mixture type to the published figure, or None.
        titles: row -> how it is called, in the order of drawing.
        path: the picture, by its suffix.
        label: what the figure is.
        percent: whether it is a share.
        reference: where a line is drawn, for example chance.
    """
    figure = Figure(figsize=(8.4, 0.42 * len(titles) + 1.5), layout="constrained")
    axes = figure.subplots(1, len(ours), sharey=True, sharex=True, squeeze=False)[0]
    for axis, (mixture_type, column) in zip(axes, ours.items(), strict=True):
        for place, row in enumerate(titles):
            if row in column:
                _draw_figure(axis, place, column[row])
            theirs = published(row, mixture_type)
            if theirs is not None:
                axis.plot(theirs, place, "D", color=_PUBLISHED, fillstyle="none")
        if reference is not None:
            axis.axvline(reference, color=_MUTED, linestyle=":", zorder=0)
        axis.set_title(mixture_type, loc="left", fontsize="medium")
        axis.set_xlabel(label)
        if percent:
            axis.xaxis.set_major_formatter(_percent)
    axes[0].set_xlim(0, 1.05)
    axes[0].set_yticks(range(len(titles)), list(titles.values()))
    axes[0].set_ylim(len(titles) - 0.5, -0.5)
    figure.legend(handles=_marks(), loc="outside lower center", ncols=2, frameon=False)
    _save(figure, path)


def _draw_figure(axis, place: int, figure: Estimate) -> None:
    axis.errorbar(figure.mean, place, xerr=figure.interval, color=_OURS, marker="o", capsize=3)


def _marks() -> list[Line2D]:
    return [
        Line2D([], [], color=_OURS, marker="o", label="here, with its 95 % interval"),
        Line2D(
            [], [], color=_PUBLISHED, marker="D", fillstyle="none", linestyle="none",
            label="published, Kinetics-600",
        ),
    ]  # fmt: skip


def _percent(value: float, _) -> str:
    return f"{value:.0%}"


def draw_control_shift(table: Mapping[str, Mapping[float | str, Estimate]], path: Path) -> None:
    """Draw control accuracy by the control sound's shift.

    Args:
        table: title -> what `pipeline.study.averages.control_shift` gives of a system.
        path: the picture, by its suffix.
    """
    figure = Figure(figsize=(4.6 * len(table), 3.6), layout="constrained")
    axes = figure.subplots(1, len(table), sharey=True, squeeze=False)[0]
    for axis, (title, found) in zip(axes, table.items(), strict=True):
        heard = {sound: Value(cell.mean, cell.interval) for sound, cell in found.items()}
        colours = {STRANGER: _PUBLISHED, SILENCE: _MUTED}
        plots.draw_control_shift(axis, heard, own=_OURS, others=colours)
        axis.set_title(title, loc="left", fontsize="medium")
        axis.set_xlabel("shift of the control sound, s")
    axes[0].set_ylabel("control accuracy")
    axes[0].yaxis.set_major_formatter(_percent)
    axes[0].legend(loc="lower left", frameon=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    # Without a salt and with a date, the same figures would not give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "layered-video"}), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata={"Date": None})
