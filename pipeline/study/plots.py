"""The study's figures as pictures."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from data_prep.files import replacing
from data_prep.pairing import MIXTURE_TYPES
from pipeline.study.estimate import Estimate

_OURS, _PUBLISHED, _MUTED = "#1f6f8b", "#c8553d", "#808080"


def draw_rows(
    ours: Mapping[str, Mapping[str, Estimate]],
    published: Mapping[str, Mapping[str, float | None]],
    path: Path,
    *,
    label: str,
    percent: bool = False,
    reference: float | None = None,
) -> None:
    """Draw a figure of each row with its interval, and the published one, by mixture type.

    Args:
        ours: row -> mixture type -> the figure.
        published: the same of the published figures, where there are any.
        path: the picture, by its suffix.
        label: what the figure is.
        percent: whether it is a share.
        reference: where a line is drawn, for example chance.
    """
    figure = Figure(figsize=(8.4, 0.42 * len(ours) + 1.5), layout="constrained")
    axes = figure.subplots(1, len(MIXTURE_TYPES), sharey=True, sharex=True)
    for axis, mixture_type in zip(axes, MIXTURE_TYPES, strict=True):
        for row, name in enumerate(ours):
            _draw_cell(axis, row, ours[name].get(mixture_type), published[name].get(mixture_type))
        if reference is not None:
            axis.axvline(reference, color=_MUTED, linestyle=":", zorder=0)
        axis.set_title(mixture_type, loc="left", fontsize="medium")
        axis.set_xlabel(label)
        if percent:
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes[0].set_xlim(0, 1.05)
    axes[0].set_yticks(range(len(ours)), list(ours))
    axes[0].invert_yaxis()
    marks = [
        Line2D([], [], color=_OURS, marker="o", label="here, with its 95 % interval"),
        Line2D([], [], color=_PUBLISHED, marker="D", fillstyle="none", linestyle="none",
               label="published, Kinetics-600"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=2, frameon=False)
    _save(figure, path)


def _draw_cell(axis, row: int, ours: Estimate | None, published: float | None) -> None:
    if ours is not None:
        axis.errorbar(ours.mean, row, xerr=ours.interval, color=_OURS, marker="o", capsize=3)
    if published is not None:
        axis.plot(published, row, "D", color=_PUBLISHED, fillstyle="none")


def draw_control_shift(table: Mapping[str, Mapping], path: Path) -> None:
    """Draw control accuracy by the control sound's shift.

    Args:
        table: title -> what `pipeline.study.results.control_shift` gives of a system.
        path: the picture, by its suffix.
    """
    figure = Figure(figsize=(4.6 * len(table), 3.6), layout="constrained")
    axes = figure.subplots(1, len(table), sharey=True, squeeze=False)[0]
    for axis, (title, found) in zip(axes, table.items(), strict=True):
        cells = found["shifts"].values()
        axis.errorbar(
            list(found["shifts"]), [cell.mean for cell in cells], [cell.interval for cell in cells],
            color=_OURS, marker="o", capsize=3, label="V1's sound",
        )  # fmt: skip
        others = (("stranger", "a stranger's sound", _PUBLISHED), ("silence", "silence", _MUTED))
        for name, words, color in others:
            cell = found[name]
            low, high = cell.mean - cell.interval, cell.mean + cell.interval
            axis.axhspan(low, high, color=color, alpha=0.12, linewidth=0)
            axis.axhline(cell.mean, color=color, linestyle="--", label=words)
        axis.set_title(title, loc="left", fontsize="medium")
        axis.set_xlabel("shift of the control sound, s")
        axis.set_ylim(0, 1.03)
    axes[0].set_ylabel("control accuracy")
    axes[0].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes[0].legend(loc="lower left", frameon=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    # Without a salt and with a date, the same figures would not give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "layered-video"}), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata={"Date": None})
