"""A TFMA metric over the scalars that a model's `evaluate` signature returns."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.estimates import Estimate, Moments
from models.measures import MEASURES, Measure

EXAMPLES = "examples"
"""Metric with the number of examples."""


def interval_name(measure: str) -> str:
    """Return the metric with the half-width of a measure's interval."""
    return f"{measure}_interval"


class MeanScalars(metric_types.Metric):
    """Means over the examples of a slice, each with the half-width of its 95 % interval.

    One metric per scalar, by the scalar's name; one per measure that is a ratio of two of the
    scalars (see `models.measures`); for each `NAME` the half-width `NAME_interval`; and
    `examples`, the number of examples.
    """

    def __init__(self, scalars: list[str], name: str = "mean_scalars", code: str = ""):
        """Create the metric.

        Args:
            scalars: names of the signature's outputs.
            name: its name in TFMA's configuration.
            code: digest of the code, so that TFX's cache notices a change.
        """
        super().__init__(_computations, scalars=scalars, name=name, code=code)

    @property
    def compute_confidence_interval(self) -> bool:
        """Off: the intervals are separate metrics."""
        return False


metric_types.register_metric(MeanScalars)


def _computations(
    scalars: list[str],
    name: str = "mean_scalars",
    code: str = "",
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    sub_keys: list[Any] | None = None,
    example_weighted: bool = False,
) -> list[metric_types.MetricComputation]:
    """Return one computation per model; TFMA calls it with these arguments."""
    computations = []
    for model_name in model_names or [""]:
        keys = {
            # Thresholds look for unweighted metrics under None, not under the default False.
            name: metric_types.MetricKey(name=name, model_name=model_name, example_weighted=None)
            for name in metric_names(scalars)
        }
        computations.append(
            metric_types.MetricComputation(
                keys=list(keys.values()),
                preprocessors=None,
                combiner=_Combiner(scalars, keys, model_name),
            )
        )
    return computations


class _Combiner(beam.CombineFn):
    """Sums up the moments of the scalars."""

    def __init__(
        self, scalars: list[str], keys: dict[str, metric_types.MetricKey], model_name: str
    ):
        self._scalars = scalars
        self._keys = keys
        self._model_name = model_name

    def create_accumulator(self) -> Moments:
        return Moments.over(np.zeros((0, len(self._scalars))))

    def add_input(
        self, accumulator: Moments, element: metric_types.StandardMetricInputs
    ) -> Moments:
        predictions = element.prediction
        if self._model_name in predictions:
            predictions = predictions[self._model_name]
        # The last blessed model may be older than a scalar.
        values = [np.asarray(predictions.get(key, np.nan)).item() for key in self._scalars]
        return accumulator + Moments.over(np.array([values]))

    def merge_accumulators(self, accumulators: Iterable[Moments]) -> Moments:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Moments) -> dict[metric_types.MetricKey, float]:
        values = summarize(self._scalars, accumulator)
        return {self._keys[name]: value for name, value in values.items()}


def metric_names(scalars: Sequence[str]) -> list[str]:
    """Return the names of all metrics that follow from scalars."""
    names = [*scalars, *(measure.name for measure in _ratios(scalars))]
    return [EXAMPLES, *names, *map(interval_name, names)]


def summarize(scalars: Sequence[str], moments: Moments) -> dict[str, float]:
    """Compute every metric from the moments of the scalars.

    Args:
        scalars: names of the quantities that the moments are about.
        moments: their moments.

    Returns:
        Metric -> value; NaN for what is unknown, as in an empty slice.
    """
    estimates = {name: _estimate(moments, i, name) for i, name in enumerate(scalars)}
    for measure in _ratios(scalars):
        numerator, denominator = map(scalars.index, measure.ratio_of or ())
        estimates[measure.name] = moments.ratio(numerator, denominator)
    values = {EXAMPLES: moments.count}
    for name, estimate in estimates.items():
        half = estimate.half_width if estimate else None
        values[name] = estimate.value if estimate else math.nan
        values[interval_name(name)] = math.nan if half is None else half
    return values


def _estimate(moments: Moments, index: int, name: str) -> Estimate | None:
    is_share = name in MEASURES and MEASURES[name].is_share
    return moments.share(index) if is_share else moments.mean(index)


def _ratios(scalars: Sequence[str]) -> list[Measure]:
    """Return the measures that are ratios of two of the scalars."""
    found = (measure for measure in MEASURES.values() if measure.ratio_of)
    return [measure for measure in found if set(measure.ratio_of or ()) <= set(scalars)]
