"""The study's results as Markdown: the papers' three tables, theirs beside ours."""

from collections.abc import Callable, Mapping, Sequence

from data_prep.pairing import MIXTURE_TYPES, OCCLUSION, TRANSPARENCY
from models.published import TITLES, published
from pipeline.study.estimate import Estimate

Column = tuple[str, Callable[[str], str]]
"""A column's head, and from a row's key to its cell."""

LOSS, SHARE = "{:.3f}", "{:.1%}"
CONTROLLED = ("c2", "c3_deterministic", "c3_internal")


def table_1(found: Mapping, parameters: Mapping[str, int], sizes: Mapping[str, float]) -> str:
    """Write Table 1, reconstruction by mixture type and size.

    Args:
        found: what `pipeline.study.results.separation` gives.
        parameters: system -> number of weights here.
        sizes: system -> published millions of weights, where there are any.
    """
    columns = [("system", TITLES.__getitem__)]
    for mixture_type in MIXTURE_TYPES:
        columns += _beside(found, "loss", mixture_type, LOSS)
    for name, form in (("psnr", "{:.1f}"), ("ssim", "{:.2f}")):
        columns += [
            (f"{name.upper()}, {mixture_type}", _ours(found, name, mixture_type, form))
            for mixture_type in MIXTURE_TYPES
        ]
    columns += [
        ("weights", lambda system: f"{parameters[system] / 1e6:.2f} M"),
        ("published", lambda system: f"{sizes[system]} M" if sizes.get(system) else "-"),
    ]
    return _table(columns, found)


def table_2(found: Mapping) -> str:
    """Write Table 2, reconstruction and control, of C2 and the systems that hear."""
    columns = [
        ("system", TITLES.__getitem__),
        *_beside(found, "loss", TRANSPARENCY, LOSS),
        *_beside(found, "control_accuracy", TRANSPARENCY, SHARE),
        ("loss, occlusion", _ours(found, "loss", OCCLUSION, LOSS)),
        ("control accuracy, occlusion", _ours(found, "control_accuracy", OCCLUSION, SHARE)),
    ]
    return _table(columns, [system for system in CONTROLLED if system in found])


def table_3(found: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Write Table 3, action accuracy; `found` is what `pipeline.study.results.action` gives."""
    columns: list[Column] = [("input", action_title)]
    for mixture_type in MIXTURE_TYPES:
        columns += [
            (mixture_type, lambda seen, kind=mixture_type: _cell(found[seen].get(kind), SHARE)),
            (
                "published",
                lambda seen, kind=mixture_type: _plain(published_action(seen, kind), SHARE),
            ),
        ]
    return _table(columns, found)


def table_shift(found: Mapping[str, Mapping]) -> str:
    """Write the control accuracy by the control sound's shift."""
    columns: list[Column] = [("control sound", str)]
    rows: dict[str, dict[str, Estimate]] = {}
    for system, cells in found.items():
        for seconds, cell in cells["shifts"].items():
            rows.setdefault(f"V1's, shifted by {seconds:+g} s", {})[system] = cell
        rows.setdefault("silence", {})[system] = cells["silence"]
        rows.setdefault("a stranger's", {})[system] = cells["stranger"]
        columns.append((TITLES[system], lambda row, name=system: _cell(rows[row].get(name), SHARE)))
    return _table(columns, rows)


def action_title(seen: str) -> str:
    """Return the name, in Table 3, of what the classifier saw."""
    return {"pure": "I3D, pure video", "mixed": "I3D, mixed video"}.get(
        seen, f"{TITLES.get(seen, seen)} + I3D"
    )


def published_action(seen: str, mixture_type: str) -> float | None:
    """Return the published action accuracy on what the classifier saw, or None."""
    if seen in ("pure", "mixed"):
        metric = "accuracy" if seen == "pure" else "mixed_accuracy"
        return published("i3d", metric, mixture_type)
    return published(seen, "action_accuracy", mixture_type)


def _beside(found: Mapping, metric: str, mixture_type: str, form: str) -> list[Column]:
    """Return a column of ours and one of the published figures."""
    return [
        (f"{metric.replace('_', ' ')}, {mixture_type}", _ours(found, metric, mixture_type, form)),
        ("published", lambda system: _plain(published(system, metric, mixture_type), form)),
    ]


def _ours(found: Mapping, metric: str, mixture_type: str, form: str) -> Callable[[str], str]:
    return lambda system: _cell(found[system].get(mixture_type, {}).get(metric), form)


def _cell(estimate: Estimate | None, form: str) -> str:
    """Write a figure with its interval, for example `0.302 ±0.011`."""
    if estimate is None:
        return "-"
    return f"{form.format(estimate.mean)} ±{form.format(estimate.interval)}"


def _plain(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _table(columns: Sequence[Column], rows) -> str:
    lines = [[head for head, _ in columns], ["---"] + ["---:"] * (len(columns) - 1)]
    lines += [[cell(row) for _, cell in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
