"""The papers' Tables 1 and 2: separation and control, ours beside the published figures."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.estimates import Estimate
from components.evaluation.class_slices import ONE_CLASS
from components.tables import Row, Table
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from models.measures import CONTROL_ACCURACY, LOSS, PSNR, SCORE_ERROR, SSIM, Measure
from models.systems import SYSTEMS
from pipeline.study.averages import column, mixture_types, part_title, parts
from pipeline.study.runs import StudyRun


@dataclass(frozen=True)
class Column:
    """A column of a table whose rows are systems.

    Attributes:
        measure: its heading and format; the name is unique in the table.
        estimates: system -> its cell; an empty cell is missing.
    """

    measure: Measure
    estimates: Mapping[str, Estimate]


def table_1(runs: Sequence[StudyRun], systems: Sequence[str], weights: Mapping[str, int]) -> Table:
    """Return Table 1, separation by mixture type, and size.

    Args:
        runs: the study's.
        systems: the rows.
        weights: system -> number of its weights here.
    """
    types = mixture_types(runs)
    columns = [
        *(found for kind in types for found in _beside(runs, systems, LOSS, kind)),
        *(_ours(runs, systems, measure, kind) for measure in (PSNR, SSIM) for kind in types),
        Column(
            Measure("weights", "weights (M)", digits=2),
            {name: Estimate(value=count / 1e6) for name, count in weights.items()},
        ),
        Column(
            Measure("published weights", "published (M)", digits=1),
            {
                name: Estimate(value=millions)
                for name in systems
                if (millions := SYSTEMS[name].published.parameters) is not None
            },
        ),
    ]
    return _table("Separation", columns, systems)


def table_2(runs: Sequence[StudyRun], systems: Sequence[str]) -> Table:
    """Return Table 2, separation and control by mixture type.

    Control accuracy has a column for mixtures of two classes and one for those of one class, if
    there are any of one class.

    Args:
        runs: the study's.
        systems: the rows.
    """
    scored = [name for name in systems if SCORE_ERROR in SYSTEMS[name].measures]
    types = mixture_types(runs)
    columns = [
        *(found for kind in types for found in _beside(runs, systems, LOSS, kind)),
        *(
            found
            for kind, classes in parts(runs)
            for found in _beside(runs, systems, CONTROL_ACCURACY, kind, classes)
        ),
        *(_ours(runs, scored, SCORE_ERROR, kind) for kind in types),
    ]
    return _table("Control", columns, systems)


def left_out(runs: Sequence[StudyRun], systems: Sequence[str], measures: Sequence[Measure]) -> str:
    """Say which published mixture types the runs were not evaluated on.

    Args:
        runs: the study's.
        systems: the rows of the table.
        measures: its measures with published figures.

    Returns:
        Sentences; empty if nothing is left out.
    """
    evaluated = mixture_types(runs)
    sentences = [] if evaluated else ["No run was evaluated on any mixture type."]
    if absent := [
        kind.title
        for name, kind in MIXTURE_TYPES.items()
        if name not in evaluated
        and any(published_column(systems, measure, name) for measure in measures)
    ]:
        sentences.append(
            f"There are no held-out {' or '.join(absent)} here, so the published figures for them "
            "are left out. `data.shares` in the settings below says which types were made."
        )
    return " ".join(sentences)


def published_column(
    systems: Sequence[str], measure: Measure, kind: str, classes: str = ""
) -> dict[str, float]:
    """Return system -> published figure, of those that have one.

    There is none for mixtures of one class: nearly all pairs of Kinetics' videos are of two of its
    600 classes.
    """
    if classes == ONE_CLASS:
        return {}
    figures = {name: SYSTEMS[name].published_value(measure, kind) for name in systems}
    return {name: value for name, value in figures.items() if value is not None}


def _ours(
    runs: Sequence[StudyRun],
    systems: Sequence[str],
    measure: Measure,
    kind: str,
    classes: str = "",
) -> Column:
    where = part_title(kind, classes)
    heading = dataclasses.replace(
        measure,
        name=f"{measure.name}, {where}",
        title=f"{measure.title}, {where}",
        digits=1 if measure.is_share else measure.digits,
    )
    return Column(heading, column(runs, systems, measure, kind, classes))


def _beside(
    runs: Sequence[StudyRun],
    systems: Sequence[str],
    measure: Measure,
    kind: str,
    classes: str = "",
) -> list[Column]:
    """Return our column, and the published one if there is any figure for it."""
    ours = _ours(runs, systems, measure, kind, classes)
    figures = published_column(systems, measure, kind, classes)
    if not figures:
        return [ours]
    heading = dataclasses.replace(
        ours.measure, name=f"published {ours.measure.name}", title="published"
    )
    return [ours, Column(heading, {n: Estimate(value=value) for n, value in figures.items()})]


def _table(caption: str, columns: Sequence[Column], systems: Sequence[str]) -> Table:
    return Table(
        caption=caption,
        head="system",
        measures=[one.measure for one in columns],
        rows=[
            Row(
                SYSTEMS[name].title,
                {one.measure.name: one.estimates[name] for one in columns if name in one.estimates},
            )
            for name in systems
        ],
    )
