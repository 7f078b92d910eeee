"""Averages over the seeds of a study."""

from collections.abc import Sequence

from components.estimates import Estimate, SeedEstimate, over_seeds
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.results import Results
from models.measures import CONTROL_ACCURACY, MEASURES, Measure
from models.systems import SYSTEMS
from pipeline.study.runs import StudyRun


def by_system(runs: Sequence[StudyRun]) -> dict[str, list[StudyRun]]:
    """Group runs by system, in the order of the tables."""
    grouped = {name: [run for run in runs if run.system == name] for name in SYSTEMS}
    return {name: found for name, found in grouped.items() if found}


def mixture_types(runs: Sequence[StudyRun]) -> list[str]:
    """Return the mixture types that the runs were evaluated on, in the order of the tables."""
    found = {name for run in runs for name in run.summary.metrics}
    return [name for name in MIXTURE_TYPES if name in found]


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
    runs: Sequence[StudyRun], systems: Sequence[str], measure: Measure, mixture_type: str
) -> dict[str, SeedEstimate]:
    """Average one measure of each system over its seeds.

    Args:
        runs: the study's.
        systems: names.
        measure: what was measured.
        mixture_type: on which mixtures.

    Returns:
        System -> estimate; systems that were not measured in every run are missing.
    """
    cells = {
        name: [_estimate(run, measure, mixture_type) for run in found]
        for name, found in by_system(runs).items()
        if name in systems
    }
    return over_seeds(cells)


def _estimate(run: StudyRun, measure: Measure, mixture_type: str) -> Estimate | None:
    metrics = run.summary.metrics.get(mixture_type)
    return metrics.of(measure) if metrics else None


def results_by_system(runs: Sequence[StudyRun], analysis: str) -> dict[str, list[Results]]:
    """Return the results of an analysis, one per seed, for each system that has any."""
    found = {
        name: [run.summary.analyses[analysis] for run in own if analysis in run.summary.analyses]
        for name, own in by_system(runs).items()
    }
    return {name: results for name, results in found.items() if results}


def all_columns(runs: Sequence[StudyRun]) -> dict[str, dict[str, dict[str, SeedEstimate]]]:
    """Average everything that the Evaluator measured.

    Returns:
        Mixture type -> measure -> system -> estimate.
    """
    systems = list(by_system(runs))
    table = {
        mixture_type: {
            name: column(runs, systems, measure, mixture_type) for name, measure in MEASURES.items()
        }
        for mixture_type in mixture_types(runs)
    }
    return {
        mixture_type: {name: cells for name, cells in columns.items() if cells}
        for mixture_type, columns in table.items()
    }
