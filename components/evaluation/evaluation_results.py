"""What the Evaluator found, read back from its artifact's folder."""

from pathlib import Path

from data_prep.mixing.pairing import MIXTURE_TYPES

_TITLES = {"relative_loss": "loss over Identity's", "control_accuracy": "control accuracy"}

Metrics = dict[str, dict[str, dict[str, float]]]


def read_metrics(evaluation: str | Path, model: str = "candidate") -> Metrics:
    """Read the metrics of every slice by one feature.

    Args:
        evaluation: the folder of the evaluation.
        model: `candidate`, the model at hand, or `baseline`, the one it was compared with.

    Returns:
        feature -> its value -> metric -> number; the feature `""` has the one value `""`, all
        examples. Empty where there was no such model.
    """
    import tensorflow_model_analysis as tfma

    # Without a model to compare with, TFMA leaves the only model's name empty.
    names = {"candidate": ("", "candidate")}.get(model, (model,))
    metrics: Metrics = {}
    for record in tfma.load_metrics(str(evaluation)):
        keys = record.slice_key.single_slice_keys
        if len(keys) > 1:
            continue
        feature, value = (keys[0].column, _value(keys[0])) if keys else ("", "")
        found = {
            item.key.name: item.value.double_value.value
            for item in record.metric_keys_and_values
            if not item.key.is_diff and item.key.model_name in names
        }
        if found:
            metrics.setdefault(feature, {})[value] = found
    return metrics


def by_mixture_type(metrics: Metrics) -> dict[str, dict[str, float]]:
    """Return the metrics of each mixture type, in the tables' order."""
    found = metrics.get("mixture_type", {})
    return {name: found[name] for name in MIXTURE_TYPES if name in found}


def _value(key) -> str:
    kind = key.WhichOneof("kind")
    value = getattr(key, kind)
    return value.decode() if kind == "bytes_value" else str(value)


def read_failures(evaluation: str | Path) -> list[str]:
    """Read why a model was not blessed, one line a threshold that it missed."""
    import tensorflow_model_analysis as tfma

    result = tfma.load_validation_result(str(evaluation))
    lines = []
    for slice_result in result.metric_validations_per_slice:
        where = ", ".join(_value(key) for key in slice_result.slice_key.single_slice_keys)
        for failure in slice_result.failures:
            threshold = failure.metric_threshold
            value = failure.metric_value.double_value.value
            name = _TITLES.get(failure.metric_key.name, failure.metric_key.name)
            rule = _rule(threshold, value)
            lines.append(f"{where or 'all mixtures'}: {name} {rule}")
    for missing in result.missing_slices:
        lines.append(f"no example of a slice that thresholds ask for: {missing}".strip())
    return sorted(lines)


def _rule(threshold, value: float) -> str:
    """Say what a value, or its difference from the last blessed model's, must keep."""
    from tensorflow_model_analysis.proto import config_pb2

    bound, change = threshold.value_threshold, threshold.change_threshold
    if threshold.HasField("change_threshold"):
        if change.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER:
            most = -change.absolute.value
            return (
                f"may fall short of the last blessed model's by {most:g}; it does by {-value:.3f}"
            )
        most = change.absolute.value
        return f"may exceed the last blessed model's by {most:g}; it does by {value:.3f}"
    if bound.HasField("upper_bound"):
        return f"must be at most {bound.upper_bound.value:g}; it is {value:.3f}"
    return f"must be at least {bound.lower_bound.value:g}; it is {value:.3f}"
