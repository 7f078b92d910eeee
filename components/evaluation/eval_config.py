"""TFMA's configuration: which metrics, on which slices, and what is blessed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tensorflow_model_analysis.proto import config_pb2


@dataclass(frozen=True)
class Bound:
    """What a metric must keep; each is optional.

    Attributes:
        at_most: its largest value.
        at_least: its smallest value.
        above_last_by: it may exceed the last blessed model's by at most this.
        below_last_by: it may fall short of the last blessed model's by at most this.
    """

    at_most: float | None = None
    at_least: float | None = None
    above_last_by: float | None = None
    below_last_by: float | None = None


def eval_config(
    *, scalars: Sequence[str], bounds: Mapping[str, Bound], slices: Sequence[str], code: str
) -> config_pb2.EvalConfig:
    """Build the configuration of TFX's Evaluator.

    Args:
        scalars: the scalars that the model's `evaluate` signature returns.
        bounds: metric -> what it must keep, on every mixture type, for a model to be blessed.
        slices: features for whose every value all is measured, beside the mixture type.
        code: digest of the code that computes.
    """
    thresholds = {name: _threshold(bound) for name, bound in bounds.items()}
    mixture_types = config_pb2.SlicingSpec(feature_keys=["mixture_type"])
    per_slice = {
        name: config_pb2.PerSliceMetricThresholds(
            thresholds=[
                config_pb2.PerSliceMetricThreshold(
                    slicing_specs=[mixture_types], threshold=threshold
                )
            ]
        )
        for name, threshold in thresholds.items()
    }
    metric = config_pb2.MetricConfig(
        class_name="MeanScalars",
        module="components.evaluation.mean_scalars",
        config=json.dumps({"scalars": list(scalars), "code": code}),
    )
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name="evaluate")],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            mixture_types,
            *(config_pb2.SlicingSpec(feature_keys=[key]) for key in slices),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric], per_slice_thresholds=per_slice)],
    )


def _threshold(bound: Bound) -> config_pb2.MetricThreshold:
    threshold = config_pb2.MetricThreshold()
    if bound.at_most is not None:
        threshold.value_threshold.upper_bound.value = bound.at_most
    if bound.at_least is not None:
        threshold.value_threshold.lower_bound.value = bound.at_least
    if bound.above_last_by is not None:
        threshold.change_threshold.direction = config_pb2.MetricDirection.LOWER_IS_BETTER
        threshold.change_threshold.absolute.value = bound.above_last_by
    if bound.below_last_by is not None:
        threshold.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
        threshold.change_threshold.absolute.value = -bound.below_last_by
    return threshold
