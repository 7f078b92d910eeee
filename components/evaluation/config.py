"""TFMA's configuration: which metrics, on which slices, and what is blessed."""

import json

from tensorflow_model_analysis.proto import config_pb2

SLICES = ("mixture_type", "v1_label")


def eval_config(
    *, relative_loss: float, control_accuracy: float, worse_by: float, code: str
) -> config_pb2.EvalConfig:
    """Build the configuration of TFX's Evaluator.

    A model is blessed if, on every mixture type, its loss is at most `relative_loss` of
    Identity's, its control accuracy at least `control_accuracy`, and its loss at most `worse_by`
    above the last blessed model's.

    Args:
        relative_loss: largest loss over Identity's loss.
        control_accuracy: smallest share of rightly chosen outputs; 0 asks for nothing.
        worse_by: largest difference of the loss to the last blessed model's.
        code: digest of the code that computes.
    """
    thresholds = {
        "relative_loss": config_pb2.MetricThreshold(
            value_threshold={"upper_bound": {"value": relative_loss}}
        ),
        "loss": config_pb2.MetricThreshold(
            change_threshold={
                "direction": config_pb2.MetricDirection.LOWER_IS_BETTER,
                "absolute": {"value": worse_by},
            }
        ),
    }
    if control_accuracy:
        thresholds["control_accuracy"] = config_pb2.MetricThreshold(
            value_threshold={"lower_bound": {"value": control_accuracy}}
        )
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
        class_name="SeparationMetrics",
        module="components.evaluation.metrics",
        config=json.dumps({"code": code}),
    )
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name="evaluate")],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[key]) for key in SLICES),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric], per_slice_thresholds=per_slice)],
    )
