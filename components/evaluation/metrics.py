"""TFMA metrics of a separator, over the scalars that its `evaluate` signature returns."""

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

SCALARS = ("loss", "identity_loss", "score_error", "control")
METRICS = ("loss", "identity_loss", "relative_loss", "score_error", "control_accuracy")
_Z = 1.96


class SeparationMetrics(metric_types.Metric):
    """Means over the examples of a slice, each with the half-width of its 95 % interval.

    `loss`, the reconstruction loss; `identity_loss`, the Identity baseline's on the same
    mixtures; `relative_loss`, the first over the second; `score_error`, the scores' regression
    loss; `control_accuracy`, the share of mixtures whose chosen output is nearer to V1 than to
    V2. The half-width of `NAME` is `NAME_interval`; `examples` counts the mixtures.
    """

    def __init__(self, name: str = "separation", code: str = ""):
        """Construct the metric.

        Args:
            name: its name in TFMA's configuration.
            code: digest of the code, so that TFX's cache sees a change of it.
        """
        super().__init__(_computations, name=name, code=code)

    @property
    def compute_confidence_interval(self) -> bool:
        """Off: the intervals are metrics of their own."""
        return False


metric_types.register_metric(SeparationMetrics)


def _computations(
    name: str = "separation",
    code: str = "",
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    sub_keys: list | None = None,
    example_weighted: bool = False,
) -> list:
    """Return one computation a model; the signature of the arguments is TFMA's."""
    names = [part for metric in METRICS for part in (metric, f"{metric}_interval")]
    computations = []
    for model_name in model_names or [""]:
        keys = {
            # Thresholds look for unweighted metrics under None, not under the default False.
            name: metric_types.MetricKey(name=name, model_name=model_name, example_weighted=None)
            for name in (*names, "examples")
        }
        computations.append(
            metric_types.MetricComputation(
                keys=list(keys.values()),
                preprocessors=None,
                combiner=_Moments(keys, model_name),
            )
        )
    return computations


class _Moments(beam.CombineFn):
    """Count, sums and products of the scalars: what means and their errors need."""

    def __init__(self, keys: dict[str, metric_types.MetricKey], model_name: str):
        self._keys = keys
        self._model_name = model_name

    def create_accumulator(self):
        size = len(SCALARS)
        return np.zeros(()), np.zeros(size), np.zeros((size, size))

    def add_input(self, accumulator, element):
        predictions = element.prediction
        if self._model_name in predictions:
            predictions = predictions[self._model_name]
        values = np.array([float(np.asarray(predictions[key]).item()) for key in SCALARS])
        count, total, products = accumulator
        return count + 1, total + values, products + np.outer(values, values)

    def merge_accumulators(self, accumulators):
        return tuple(sum(parts) for parts in zip(*accumulators, strict=True))

    def extract_output(self, accumulator):
        return {self._keys[name]: value for name, value in summarise(*accumulator).items()}


def summarise(count, total, products) -> dict[str, float]:
    """Compute every metric from the moments of `SCALARS`.

    Args:
        count: number of examples.
        total: sums `[4]`.
        products: sums of products `[4, 4]`.

    Returns:
        The metrics and their half-widths; NaN of an empty slice.
    """
    if not count:
        return {name: float("nan") for name in METRICS} | {"examples": 0.0}
    mean = total / count
    covariance = (products / count - np.outer(mean, mean)) * count / max(count - 1, 1)
    error = np.sqrt(np.maximum(np.diag(covariance), 0) / count)
    loss, identity, score, control = range(len(SCALARS))
    ratio = mean[loss] / mean[identity]
    # The delta method: the error of a ratio of means of the same examples.
    spread = (
        covariance[loss, loss]
        - 2 * ratio * covariance[loss, identity]
        + ratio**2 * covariance[identity, identity]
    )
    values = {
        "loss": (mean[loss], error[loss]),
        "identity_loss": (mean[identity], error[identity]),
        "relative_loss": (ratio, np.sqrt(max(spread, 0) / count) / mean[identity]),
        "score_error": (mean[score], error[score]),
        "control_accuracy": (mean[control], error[control]),
    }
    result = {"examples": float(count)}
    for name, (value, standard_error) in values.items():
        result[name] = float(value)
        result[f"{name}_interval"] = float(_Z * standard_error)
    return result
