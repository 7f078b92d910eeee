"""What the Evaluator says of a model that misses a threshold, by TFMA's own validation."""

import pytest
import tensorflow as tf
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.eval_config import Bound, eval_config
from components.evaluation.evaluation_results import read_failures
from models.scalars import SEPARATION_SCALARS

BOUNDS = {
    "relative_loss": Bound(at_most=0.95),
    "loss": Bound(above_last_by=0.01),
    "control_accuracy": Bound(at_least=0.6, below_last_by=0.05),
}
GOOD = {"relative_loss": 0.5, "loss": 0.2, "control_accuracy": 0.9}
LAST = {"relative_loss": 0.5, "loss": 0.195, "control_accuracy": 0.94}


def failures(folder, measured):
    config = eval_config(scalars=SEPARATION_SCALARS, bounds=BOUNDS, slices=[], code="")
    # The Evaluator names the two models as it finds them.
    config.model_specs[0].name = "candidate"
    config.model_specs.append(config_pb2.ModelSpec(name="baseline", is_baseline=True))
    config.metrics_specs[0].model_names.extend(["candidate", "baseline"])
    metrics = {}
    for name, value in measured.items():
        key = {"name": name, "model_name": "candidate", "example_weighted": None}
        metrics[metric_types.MetricKey(**key)] = value
        metrics[metric_types.MetricKey(**key, is_diff=True)] = value - LAST[name]
    where = (("mixture_type", "occlusion"),)
    result = metrics_validator.validate_metrics((where, metrics), config)
    with tf.io.TFRecordWriter(str(folder / "validations")) as file:
        file.write(result.SerializeToString())
    return read_failures(folder)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({}, None),
        ({"relative_loss": 0.96}, "loss over Identity's must be at most 0.95; it is 0.960"),
        ({"loss": 0.21}, "loss may exceed the last blessed model's by 0.01; it does by 0.015"),
        (
            {"control_accuracy": 0.88},
            "control accuracy may fall short of the last blessed model's by 0.05; it does by 0.060",
        ),
    ],
)
def test_reasons_name_the_rule_and_the_value(change, reason, tmp_path):
    expected = [f"occlusion: {reason}"] if reason else []
    assert failures(tmp_path, {**GOOD, **change}) == expected


def test_a_choice_by_chance_is_not_blessed(tmp_path):
    first, second = failures(tmp_path, {**GOOD, "control_accuracy": 0.5})
    assert first.endswith("may fall short of the last blessed model's by 0.05; it does by 0.440")
    assert second == "occlusion: control accuracy must be at least 0.6; it is 0.500"
