"""The study's results as Markdown: the papers' three tables, theirs beside ours."""

from collections.abc import Callable, Iterable, Mapping

from components.report.analysis_sections import action_title, published_action, sound_title
from components.report.findings import SCORE_ERROR
from data_prep.mixing.pairing import MIXTURE_TYPES, OCCLUSION, TRANSPARENCY
from models.published import TITLES, published
from pipeline.study.averages import Column
from pipeline.study.estimate import Estimate

Cells = tuple[str, Callable]
"""A column's head, and from a row's key to its cell."""

LOSS, SHARE = "{:.3f}", "{:.1%}"
CONTROLLED = ("c2", "c3_deterministic", "c3_internal")


def table_1(found: Mapping, parameters: Mapping[str, int], sizes: Mapping[str, float]) -> str:
    """Write Table 1, reconstruction by mixture type and size.

    Args:
        found: what `pipeline.study.averages.separation` gives.
        parameters: system -> number of weights here.
        sizes: system -> published millions of weights, where there are any.
    """
    columns = [
        ("system", TITLES.__getitem__),
        *_beside(found, "loss", TRANSPARENCY, LOSS),
        *_beside(found, "loss", OCCLUSION, LOSS),
        *(
            (f"{metric.upper()}, {mixture_type}", _ours(found[mixture_type][metric], form))
            for metric, form in (("psnr", "{:.1f}"), ("ssim", "{:.2f}"))
            for mixture_type in MIXTURE_TYPES
        ),
        ("weights", lambda system: f"{parameters[system] / 1e6:.2f} M"),
        ("published", lambda system: f"{sizes[system]} M" if sizes.get(system) else "-"),
    ]
    return _table(columns, parameters)


def table_2(found: Mapping, systems: Iterable[str]) -> str:
    """Write Table 2, reconstruction and control.

    Args:
        found: what `pipeline.study.averages.separation` gives.
        systems: the rows.
    """
    columns = [
        ("system", TITLES.__getitem__),
        *_beside(found, "loss", TRANSPARENCY, LOSS),
        *_beside(found, "control_accuracy", TRANSPARENCY, SHARE),
        ("loss, occlusion", _ours(found[OCCLUSION]["loss"], LOSS)),
        ("control accuracy, occlusion", _ours(found[OCCLUSION]["control_accuracy"], SHARE)),
        *(
            (f"{SCORE_ERROR.title}, {kind}", _ours(found[kind][SCORE_ERROR.name], LOSS))
            for kind in MIXTURE_TYPES
        ),
    ]
    return _table(columns, systems)


def table_3(found: Mapping[str, Column]) -> str:
    """Write Table 3, action accuracy; `found` is what `pipeline.study.averages.action` gives."""
    columns: list[Cells] = [("input", action_title)]
    for kind in MIXTURE_TYPES:
        columns += [
            (kind, _ours(found[kind], SHARE)),
            ("published", lambda seen, kind=kind: _plain(published_action(seen, kind), SHARE)),
        ]
    return _table(columns, dict.fromkeys(seen for column in found.values() for seen in column))


def table_shift(found: Mapping[str, Mapping[float | str, Estimate]]) -> str:
    """Write the control accuracy by control sound; see `pipeline.study.averages.control_shift`."""
    columns: list[Cells] = [("control sound", sound_title)]
    columns += [(TITLES[system], _ours(cells, SHARE)) for system, cells in found.items()]
    return _table(columns, dict.fromkeys(sound for cells in found.values() for sound in cells))


def _beside(found: Mapping, metric: str, kind: str, form: str) -> list[Cells]:
    """Return a column of ours and one of the published figures."""
    return [
        (f"{metric.replace('_', ' ')}, {kind}", _ours(found[kind][metric], form)),
        ("published", lambda system: _plain(published(system, metric, kind), form)),
    ]


def _ours(column: Mapping, form: str) -> Callable:
    def cell(row):
        if row not in column:
            return "-"
        return f"{form.format(column[row].mean)} ±{form.format(column[row].interval)}"

    return cell


def _plain(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _table(columns: list[Cells], rows: Iterable) -> str:
    lines = [[head for head, _ in columns], ["---"] + ["---:"] * (len(columns) - 1)]
    lines += [[cell(row) for _, cell in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
