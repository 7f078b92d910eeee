"""A TFMA metric over the scalars that a model's `evaluate` signature returns."""

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

_Z = 1.96
_RATIO = {"relative_loss": ("loss", "identity_loss")}
_SHARES = ("control_accuracy", "accuracy", "mixed_accuracy")


class MeanScalars(metric_types.Metric):
    """Means over the examples of a slice, each with the half-width of its 95 % interval.

    A metric for every scalar, by the scalar's name; `relative_loss`, the mean `loss` over the
    mean `identity_loss`; for each `NAME` the half-width `NAME_interval`; and `examples`, how many.
    """

    def __init__(self, scalars: list[str], name: str = "mean_scalars", code: str = ""):
        """Construct the metric.

        Args:
            scalars: names of the signature's outputs.
            name: its name in TFMA's configuration.
            code: digest of the code, so that TFX's cache sees a change of it.
        """
        super().__init__(_computations, scalars=scalars, name=name, code=code)

    @property
    def compute_confidence_interval(self) -> bool:
        """Off: the intervals are metrics of their own."""
        return False


metric_types.register_metric(MeanScalars)


def _computations(
    scalars: list[str],
    name: str = "mean_scalars",
    code: str = "",
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    sub_keys: list | None = None,
    example_weighted: bool = False,
) -> list:
    """Return one computation a model; the signature of the arguments is TFMA's."""
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
                combiner=_Moments(scalars, keys, model_name),
            )
        )
    return computations


class _Moments(beam.CombineFn):
    """Count, sums and products of the scalars: what means and their errors need."""

    def __init__(self, scalars, keys: dict[str, metric_types.MetricKey], model_name: str):
        self._scalars = scalars
        self._keys = keys
        self._model_name = model_name

    def create_accumulator(self):
        size = len(self._scalars)
        return np.zeros(()), np.zeros(size), np.zeros((size, size))

    def add_input(self, accumulator, element):
        predictions = element.prediction
        if self._model_name in predictions:
            predictions = predictions[self._model_name]
        # The last blessed model may be older than a scalar.
        values = [np.asarray(predictions.get(key, np.nan)).item() for key in self._scalars]
        values = np.array(values, np.float64)
        count, total, products = accumulator
        return count + 1, total + values, products + np.outer(values, values)

    def merge_accumulators(self, accumulators):
        return tuple(sum(parts) for parts in zip(*accumulators, strict=True))

    def extract_output(self, accumulator):
        summary = summarise(self._scalars, *accumulator)
        return {self._keys[name]: value for name, value in summary.items()}


def metric_names(scalars: list[str]) -> list[str]:
    """Return the names of all metrics that these scalars give."""
    values = [*scalars, *(name for name, parts in _RATIO.items() if set(parts) <= set(scalars))]
    return ["examples", *values, *(f"{name}_interval" for name in values)]


def summarise(scalars: list[str], count, total, products) -> dict[str, float]:
    """Compute every metric from the moments of the scalars.

    The interval of a share is that of Agresti and Coull (1998), as wide about the share itself: two
    more examples of either kind keep it from being 0 where all examples agree.

    Args:
        scalars: their names, `k` of them.
        count: number of examples.
        total: sums `[k]`.
        products: sums of products `[k, k]`.

    Returns:
        The metrics by name; NaN of an empty slice.
    """
    if not count:
        return {**dict.fromkeys(metric_names(scalars), float("nan")), "examples": 0.0}
    mean = total / count
    covariance = (products / count - np.outer(mean, mean)) * count / max(count - 1, 1)
    values = {}
    for i, name in enumerate(scalars):
        if name in _SHARES:
            half = _half_width_of_share(count, total[i], products[i, i])
        else:
            half = _half_width(covariance[i, i], count)
        values[name] = (mean[i], half)
    for name, parts in _RATIO.items():
        if set(parts) <= set(scalars):
            i, j = map(scalars.index, parts)
            ratio = mean[i] / mean[j]
            # The delta method: the error of a ratio of means of the same examples.
            spread = covariance[i, i] - 2 * ratio * covariance[i, j] + ratio**2 * covariance[j, j]
            values[name] = (ratio, _half_width(spread, count) / mean[j])
    result = {"examples": float(count)}
    for name, (value, half) in values.items():
        result[name] = float(value)
        result[f"{name}_interval"] = float(half)
    return result


def _half_width_of_share(count: float, total: float, squares: float) -> float:
    count = count + 4
    share = (total + 2) / count
    return _half_width((squares + 2) / count - share**2, count)


def _half_width(variance: float, count: float) -> float:
    return _Z * np.sqrt(max(variance, 0) / count)
