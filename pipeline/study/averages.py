"""Averages over the seeds of a study."""

from collections.abc import Sequence

from components.estimates import Estimate, SeedEstimate, over_seeds
from components.evaluation.class_slices import ONE_CLASS, in_order
from components.tables import spoken
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.results import Results
from models.measures import CONTROL_ACCURACY, MEASURES, Measure
from models.systems import SYSTEMS
from pipeline.study.runs import StudyRun

Part = tuple[str, str]
"""A mixture type, and `ONE_CLASS` or `TWO_CLASSES`, or `""` for all its mixtures."""

Columns = dict[str, dict[str, dict[str, SeedEstimate]]]
"""Mixture type -> measure -> system -> estimate."""


def by_system(runs: Sequence[StudyRun]) -> dict[str, list[StudyRun]]:
    """Group runs by system, in the order of the tables."""
    grouped = {name: [run for run in runs if run.system == name] for name in SYSTEMS}
    return {name: found for name, found in grouped.items() if found}


def mixture_types(runs: Sequence[StudyRun]) -> list[str]:
    """Return the mixture types that the runs were evaluated on, in the order of the tables."""
    found = {name for run in runs for name in run.summary.metrics}
    return [name for name in MIXTURE_TYPES if name in found]


def wholes(runs: Sequence[StudyRun]) -> list[Part]:
    """Return the mixture types that the runs were evaluated on, each as a whole."""
    return [(kind, "") for kind in mixture_types(runs)]


def parts(runs: Sequence[StudyRun]) -> list[Part]:
    """Return the parts in which control is measured.

    Each mixture type is split by `TWO_CLASSES` and `ONE_CLASS`, as far as there are such mixtures.
    It is whole if no mixture is known to be of one class.
    """
    found = []
    for kind in mixture_types(runs):
        names = classes_of_mixtures(runs, kind)
        found += [(kind, name) for name in (names if ONE_CLASS in names else [""])]
    return found


def classes_of_mixtures(runs: Sequence[StudyRun], mixture_type: str) -> list[str]:
    """Return which of `TWO_CLASSES` and `ONE_CLASS` the runs were evaluated on, in that order."""
    return in_order({name for run in runs for name in run.summary.classes.get(mixture_type, ())})


def part_title(mixture_type: str, classes: str) -> str:
    """Return a part in words."""
    return ", ".join(filter(None, (spoken(mixture_type), classes)))


def separators(runs: Sequence[StudyRun]) -> list[str]:
    """Return the systems that separate layers, in the order of the tables."""
    return [name for name in by_system(runs) if SYSTEMS[name].task.separates_layers]


def controlled(runs: Sequence[StudyRun]) -> list[str]:
    """Return the systems of Table 2: those with control, and those it is published for."""
    return [
        name
        for name in separators(runs)
        if CONTROL_ACCURACY in SYSTEMS[name].measures
        or CONTROL_ACCURACY.name in SYSTEMS[name].published.figures
    ]


def column(
    runs: Sequence[StudyRun],
    systems: Sequence[str],
    measure: Measure,
    mixture_type: str,
    classes: str = "",
) -> dict[str, SeedEstimate]:
    """Average one measure of each system over its seeds.

    Args:
        runs: the study's.
        systems: names.
        measure: what was measured.
        mixture_type: on which mixtures.
        classes: `ONE_CLASS` or `TWO_CLASSES` for these mixtures of the type only.

    Returns:
        System -> estimate; systems that were not measured in every run are missing.
    """
    cells = {
        name: [_estimate(run, measure, mixture_type, classes) for run in found]
        for name, found in by_system(runs).items()
        if name in systems
    }
    return over_seeds(cells)


def _estimate(run: StudyRun, measure: Measure, mixture_type: str, classes: str) -> Estimate | None:
    found = run.summary.classes.get(mixture_type, {}) if classes else run.summary.metrics
    metrics = found.get(classes or mixture_type)
    return metrics.of(measure) if metrics else None


def results_by_system(runs: Sequence[StudyRun], analysis: str) -> dict[str, list[Results]]:
    """Return the results of an analysis, one per seed, for each system that has any."""
    found = {
        name: [run.summary.analyses[analysis] for run in own if analysis in run.summary.analyses]
        for name, own in by_system(runs).items()
    }
    return {name: results for name, results in found.items() if results}


def all_columns(runs: Sequence[StudyRun]) -> Columns:
    """Average everything that the Evaluator measured."""
    return {kind: _columns(runs, kind) for kind in mixture_types(runs)}


def columns_by_classes(runs: Sequence[StudyRun]) -> dict[str, Columns]:
    """Average what was measured on mixtures of one class and on those of two.

    Returns:
        `ONE_CLASS` or `TWO_CLASSES` -> averages.
    """
    found: dict[str, Columns] = {}
    for kind in mixture_types(runs):
        for name in classes_of_mixtures(runs, kind):
            found.setdefault(name, {})[kind] = _columns(runs, kind, name)
    return found


def _columns(
    runs: Sequence[StudyRun], mixture_type: str, classes: str = ""
) -> dict[str, dict[str, SeedEstimate]]:
    systems = list(by_system(runs))
    columns = {
        name: column(runs, systems, measure, mixture_type, classes)
        for name, measure in MEASURES.items()
    }
    return {name: cells for name, cells in columns.items() if cells}
