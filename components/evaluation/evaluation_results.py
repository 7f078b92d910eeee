"""The Evaluator's results, read back from its artifact.

Public names: `SliceMetrics`, `EvaluationResults`, `read_evaluation(uri)`, `read_baseline(uri)` and
`read_failures(uri)`.
"""

import math
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.estimates import Estimate
from components.evaluation.class_slices import CLASSES
from components.evaluation.mean_scalars import EXAMPLES, interval_name
from components.evaluation.slice_metrics import EvaluationResults, SliceMetrics
from components.tables import spoken
from models.measures import MEASURES

# Without a model to compare with, TFMA leaves the name of the only model empty.
_CANDIDATE, _BASELINE = ("", "candidate"), ("baseline",)


def read_evaluation(uri: str) -> EvaluationResults:
    """Read the metrics of the model at hand.

    Args:
        uri: folder of the evaluation artifact.
    """
    return _read(uri, _CANDIDATE)


def read_baseline(uri: str) -> EvaluationResults:
    """Read the metrics of the last blessed model; without slices if there was none.

    Args:
        uri: folder of the evaluation artifact.
    """
    return _read(uri, _BASELINE)


def _read(uri: str, model_names: tuple[str, ...]) -> EvaluationResults:
    slices: dict[str, dict[str, SliceMetrics]] = {}
    within: dict[str, dict[str, SliceMetrics]] = {}
    for record in tfma.load_metrics(uri):
        keys = {key.column: _value(key) for key in record.slice_key.single_slice_keys}
        found = {
            item.key.name: item.value.double_value.value
            for item in record.metric_keys_and_values
            if not item.key.is_diff and item.key.model_name in model_names
        }
        if not found:
            continue
        if keys.keys() == {"mixture_type", CLASSES}:
            if keys[CLASSES]:
                within.setdefault(keys["mixture_type"], {})[keys[CLASSES]] = _slice_metrics(found)
        elif len(keys) < 2:
            [(feature, value)] = keys.items() or [("", "")]
            slices.setdefault(feature, {})[value] = _slice_metrics(found)
    return EvaluationResults(slices=slices, classes_within=within)


def _slice_metrics(values: dict[str, float]) -> SliceMetrics:
    return SliceMetrics(
        examples=round(values[EXAMPLES]),
        estimates={
            name: Estimate(value=value, half_width=_known(values[interval_name(name)]))
            for name, value in values.items()
            if interval_name(name) in values and math.isfinite(value)
        },
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _value(key: Any) -> str:
    kind = key.WhichOneof("kind")
    value = getattr(key, kind)
    return value.decode() if kind == "bytes_value" else str(value)


def read_failures(uri: str) -> list[str]:
    """Read why a model was not blessed, one line per threshold that it misses.

    Args:
        uri: folder of the evaluation artifact.
    """
    result = tfma.load_validation_result(uri)
    lines = []
    for slice_result in result.metric_validations_per_slice:
        keys = slice_result.slice_key.single_slice_keys
        where = ", ".join(spoken(_value(key)) for key in keys)
        for failure in slice_result.failures:
            name = failure.metric_key.name
            title = MEASURES[name].title if name in MEASURES else name
            rule = _rule(failure.metric_threshold, failure.metric_value.double_value.value)
            lines.append(f"{where or 'all mixtures'}: {title} {rule}")
    for missing in result.missing_slices:
        lines.append(f"{spoken(', '.join(missing.feature_keys))}: must have examples, got none")
    return sorted(lines)


def _rule(threshold: config_pb2.MetricThreshold, value: float) -> str:
    """Describe the rule for a value, or for its difference from the last blessed model's."""
    bound, change = threshold.value_threshold, threshold.change_threshold
    if threshold.HasField("change_threshold"):
        most = change.absolute.value
        if change.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER:
            return f"must be at most {-most:g} below the last blessed model's, got {_got(-value)}"
        return f"must be at most {most:g} above the last blessed model's, got {_got(value)}"
    if bound.HasField("upper_bound"):
        return f"must be at most {bound.upper_bound.value:g}, got {_got(value)}"
    return f"must be at least {bound.lower_bound.value:g}, got {_got(value)}"


def _got(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "no finite value"
