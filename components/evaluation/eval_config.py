"""TFMA's configuration: metrics, slices and thresholds.

Public name: `eval_config(system=..., settings=..., code=...)`.
"""

import json

from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.class_slices import CLASSES
from models.systems import System
from models.tasks.bounds import Bound, EvaluationSettings


def eval_config(
    *, system: System, settings: EvaluationSettings, code: str
) -> config_pb2.EvalConfig:
    """Build the configuration of TFX's Evaluator.

    Args:
        system: its task names the scalars of the `evaluate` signature, and the bounds that the
            model must keep on every mixture type to be blessed.
        settings: the slices beside the mixture type, and the values of the bounds.
        code: digest of the code that computes.
    """
    metric = config_pb2.MetricConfig(
        class_name="MeanScalars",
        module="components.evaluation.mean_scalars",
        config=json.dumps({"scalars": list(system.task.scalars), "code": code}),
    )
    mixture_types = config_pb2.SlicingSpec(feature_keys=["mixture_type"])
    slices = [spec for feature in settings.slices for spec in _slicing(feature)]
    thresholds = {
        name: _on_every(mixture_types, bound)
        for name, bound in system.task.thresholds(settings).items()
    }
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name="evaluate")],
        slicing_specs=[config_pb2.SlicingSpec(), mixture_types, *slices],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric], per_slice_thresholds=thresholds)],
    )


def _slicing(feature: str) -> list[config_pb2.SlicingSpec]:
    """Return the slices by a feature; by `CLASSES`, also those within each mixture type."""
    keys = [[feature], ["mixture_type", feature]] if feature == CLASSES else [[feature]]
    return [config_pb2.SlicingSpec(feature_keys=each) for each in keys]


def _on_every(slices: config_pb2.SlicingSpec, bound: Bound) -> config_pb2.PerSliceMetricThresholds:
    threshold = config_pb2.PerSliceMetricThreshold(
        slicing_specs=[slices], threshold=_threshold(bound)
    )
    return config_pb2.PerSliceMetricThresholds(thresholds=[threshold])


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
