"""The Evaluator's results as tables: a model beside what it is compared with, and its slices."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.estimates import Estimate
from components.evaluation.slice_metrics import EvaluationResults, SliceMetrics
from components.html.figures import comparisons
from components.html.long_list import SHOWN
from components.tables import Row, RowKind, Table, spoken
from data_prep.records.features import FRONTS
from models.measures import MEASURES, Measure
from models.systems import System
from models.tasks.bounds import SLICE_NOTES

_ALL = "all"


def shown_measures(system: System, results: EvaluationResults) -> list[Measure]:
    """Return the measures that describe a system, as far as its evaluation has them."""
    every = (own for found in results.slices.values() for own in found.values())
    measured = {name for own in every for name in own.estimates}
    return [measure for measure in system.measures if measure.name in measured]


def missing(system: System, results: EvaluationResults, mixture_types: Sequence[str]) -> list[str]:
    """Say what the tables lack.

    Args:
        system: the model's system.
        results: the model's results.
        mixture_types: the types of the held-out mixtures.

    Returns:
        Sentences; empty if nothing is missing.
    """
    found = results.by_mixture_type() or _overall(results)
    sentences = []
    if not found:
        sentences.append("The evaluation has no metrics of this model.")
    if lost := [spoken(name) for name in mixture_types if found and name not in found]:
        sentences.append(f"The evaluation has no metrics of these mixtures: {', '.join(lost)}.")
    for name, own in found.items():
        if lost := [m.title for m in system.measures if m.name not in own.estimates]:
            sentences.append(
                f"No value on {spoken(name)} mixtures, because at least one mixture has none that "
                f"is finite: {', '.join(lost)}."
            )
    return sentences


def _overall(results: EvaluationResults) -> dict[str, SliceMetrics]:
    """Return the metrics over all mixtures, which stand in for those by mixture type."""
    return {_ALL: results.overall} if results.overall else {}


def compare(
    system: System,
    measures: Sequence[Measure],
    results: EvaluationResults,
    baseline: EvaluationResults,
) -> list[Table]:
    """Compare a model with Identity, the last blessed model and the published figures.

    Args:
        system: the model's system.
        measures: the columns.
        results: the model's results.
        baseline: the last blessed model's results; without slices if there was none.

    Returns:
        One table per mixture type, the model in the first row; one over all mixtures if the
        evaluation has no mixture types.
    """
    earlier = baseline.by_mixture_type() or _overall(baseline)
    tables = []
    for name, own in (results.by_mixture_type() or _overall(results)).items():
        rows = [Row("this model", own.estimates, own.examples)]
        identity = {} if _is_identity(own) else _identity(own)
        if identity:
            rows.append(Row("Identity", identity, own.examples, RowKind.BASELINE))
        if name in earlier:
            metrics = earlier[name]
            rows.append(
                Row("last blessed model", metrics.estimates, metrics.examples, RowKind.BASELINE)
            )
        if identity and (figures := _published_identity(system, name)):
            rows.append(Row("Identity, published", figures, kind=RowKind.PUBLISHED))
        if figures := _published(system, name):
            rows.append(Row("published", figures, kind=RowKind.PUBLISHED))
        tables.append(Table(spoken(name), measures, rows))
    return tables


def _ratios() -> list[tuple[Measure, Measure, Measure]]:
    """Return the ratios among the measures, each with its numerator and denominator."""
    return [
        (measure, MEASURES[measure.ratio_of[0]], MEASURES[measure.ratio_of[1]])
        for measure in MEASURES.values()
        if measure.ratio_of
    ]


def _is_identity(own: SliceMetrics) -> bool:
    """Return whether the model itself does what Identity does."""
    found = [own.of(ratio) for ratio, _, _ in _ratios()]
    return any(ratio and math.isclose(ratio.value, 1.0, rel_tol=1e-5) for ratio in found)


def _identity(own: SliceMetrics) -> dict[str, Estimate]:
    """Return Identity's figures: what ratios have in the denominator."""
    estimates = {}
    for ratio, numerator, denominator in _ratios():
        if found := own.of(denominator):
            estimates[numerator.name] = found
            estimates[ratio.name] = Estimate(value=1.0)
    return estimates


def _published_identity(system: System, mixture_type: str) -> dict[str, Estimate]:
    estimates = {}
    for ratio, numerator, denominator in _ratios():
        value = system.published_value(denominator, mixture_type)
        if value is not None:
            estimates[numerator.name] = Estimate(value=value)
            estimates[ratio.name] = Estimate(value=1.0)
    return estimates


def _published(system: System, mixture_type: str) -> dict[str, Estimate]:
    figures = {m.name: system.published_value(m, mixture_type) for m in system.measures}
    return {name: Estimate(value=value) for name, value in figures.items() if value is not None}


def slices(results: EvaluationResults, measures: Sequence[Measure]) -> list[Table]:
    """Return one table per feature, except the mixture type, with one row per value.

    Values come in their order, or those with the most mixtures first if a page cannot show all.
    """
    return [
        Table(
            caption=f"By {spoken(feature)}",
            measures=measures,
            rows=[
                Row(_label(feature, value), own.estimates, own.examples, RowKind.BASELINE)
                for value, own in _in_order(found)
            ],
            head=spoken(feature),
            note=SLICE_NOTES.get(feature, ""),
        )
        for feature, found in sorted(results.slices.items())
        if feature not in ("", "mixture_type")
    ]


def _in_order(found: Mapping[str, SliceMetrics]) -> list[tuple[str, SliceMetrics]]:
    ordered = sorted(found.items(), key=lambda item: _order(item[0]))
    if len(found) > SHOWN:
        ordered.sort(key=lambda item: -item[1].examples)
    return ordered


def _label(feature: str, value: str) -> str:
    if feature == "front" and value.isdecimal():
        return FRONTS.get(int(value), value)
    return value or "no value"


def _order(text: str) -> tuple[int, int, str]:
    """Sort whole numbers by size, before all other texts."""
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


def headline(comparison: Sequence[Table], measures: Sequence[Measure]) -> list[tuple[str, str]]:
    """Return the model's chief figures: (figure, description)."""
    return [
        (measure.format(estimate.value), f"{measure.title}, {table.caption}")
        for measure in measures
        if measure.chief
        for table in comparison
        if (estimate := table.rows[0].estimates.get(measure.name))
    ]


def chief_plots(comparison: Sequence[Table], measures: Sequence[Measure]) -> list[Markup]:
    """Draw the chief measures; a ratio by its numerator, beside which Identity's is drawn."""
    drawn = [MEASURES[m.ratio_of[0]] if m.ratio_of else m for m in measures if m.chief]
    return comparisons(comparison, drawn)
