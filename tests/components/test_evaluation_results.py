"""What is read back of an evaluation: metrics by slice, and missed thresholds by TFMA's rules."""

import json
import math
from collections import defaultdict

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2, validation_result_pb2
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from components.estimates import Estimate
from components.evaluation.class_slices import classes_of
from components.evaluation.eval_config import eval_config
from components.evaluation.evaluation_results import (
    read_baseline,
    read_evaluation,
    read_failures,
)
from data_prep.records.record import decode
from models.measures import CONTROL_ACCURACY, LOSS
from models.systems import get_system
from models.tasks.bounds import EvaluationSettings

SETTINGS = EvaluationSettings(slices=("v1_label",))
GOOD = {"relative_loss": 0.5, "loss": 0.2, "control_accuracy": 0.9}
LAST = {"relative_loss": 0.5, "loss": 0.195, "control_accuracy": 0.94}
OCCLUSION = (("mixture_type", "occlusion"),)


def key(name, model="candidate", **more):
    return metric_types.MetricKey(name=name, model_name=model, example_weighted=None, **more)


def failures(folder, measured):
    config = eval_config(system=get_system("c3_internal"), settings=SETTINGS, code="")
    # The Evaluator names the two models as it finds them.
    config.model_specs[0].name = "candidate"
    config.model_specs.append(config_pb2.ModelSpec(name="baseline", is_baseline=True))
    config.metrics_specs[0].model_names.extend(["candidate", "baseline"])
    metrics = {}
    for name, value in measured.items():
        metrics[key(name)] = value
        metrics[key(name, is_diff=True)] = value - LAST[name]
    result = metrics_validator.validate_metrics((OCCLUSION, metrics), config)
    with tf.io.TFRecordWriter(str(folder / "validations")) as file:
        file.write(result.SerializeToString())
    return read_failures(str(folder))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        (
            {"relative_loss": 0.96},
            "loss relative to Identity's must be at most 0.95, got 0.960",
        ),
        (
            {"loss": 0.21},
            "loss must be at most 0.01 above the last blessed model's, got 0.015",
        ),
        (
            {"control_accuracy": 0.88},
            "control accuracy must be at most 0.05 below the last blessed model's, got 0.060",
        ),
    ],
)
def test_reasons_name_the_rule_and_the_value(change, reason, tmp_path):
    expected = [f"occlusion: {reason}"] if reason else []
    assert failures(tmp_path, {**GOOD, **change}) == expected


def test_a_choice_by_chance_is_not_blessed(tmp_path):
    first, second = failures(tmp_path, {**GOOD, "control_accuracy": 0.5})
    assert first == "occlusion: control accuracy must be at least 0.6, got 0.500"
    assert second.endswith("must be at most 0.05 below the last blessed model's, got 0.440")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_not_blessed(value, tmp_path):
    first = failures(tmp_path, {**GOOD, "relative_loss": value})[0]
    assert first == (
        "occlusion: loss relative to Identity's must be at most 0.95, got no finite value"
    )


def test_mixture_types_without_examples_are_not_blessed(tmp_path):
    result = validation_result_pb2.ValidationResult()
    result.missing_slices.add(feature_keys=["mixture_type"])
    with tf.io.TFRecordWriter(str(tmp_path / "validations")) as file:
        file.write(result.SerializeToString())
    assert read_failures(str(tmp_path)) == ["mixture type: must have examples, got none"]


@pytest.mark.parametrize("system", ["c2", "c3_internal", "i3d"])
def test_thresholds_and_scalars_are_the_tasks(system):
    task = get_system(system).task
    config = eval_config(system=get_system(system), settings=SETTINGS, code="digest")
    [spec] = config.metrics_specs
    assert set(spec.per_slice_thresholds) == set(task.thresholds(SETTINGS))
    assert list(task.scalars) == json.loads(spec.metrics[0].config)["scalars"]
    slices = [list(spec.feature_keys) for spec in config.slicing_specs]
    assert slices == [[], ["mixture_type"], ["v1_label"]]


def write_metrics(folder, values):
    records = [
        writer.convert_slice_metrics_to_proto((slice_key, metrics), [])
        for slice_key, metrics in values
    ]
    with tf.io.TFRecordWriter(str(folder / "metrics")) as file:
        for record in records:
            file.write(record.SerializeToString())


def test_metrics_are_read_by_slice_and_model(tmp_path):
    def metrics(loss, model):
        nan = float("nan")
        values = {"examples": 4.0, "loss": loss, "loss_interval": 0.01}
        values |= {"new": nan, "new_interval": nan, "psnr": 17.0, "psnr_interval": nan}
        values |= {"ssim": float("inf"), "ssim_interval": nan}
        return {key(name, model): value for name, value in values.items()}

    both = {**metrics(0.2, "candidate"), **metrics(0.3, "baseline")}
    cross = (("v1_label", "a"), ("v2_label", "b"))
    write_metrics(
        tmp_path,
        [
            ((), both),
            (OCCLUSION, both),
            ((("mixture_type", "transparency"),), both),
            ((("v1_height", 96),), both),
            (cross, both),
        ],
    )
    own, last = read_evaluation(str(tmp_path)), read_baseline(str(tmp_path))
    assert set(own.slices) == {"", "mixture_type", "v1_height"}
    assert list(own.slices["v1_height"]) == ["96"]
    assert list(own.by_mixture_type()) == ["transparency", "occlusion"]
    assert own.overall.examples == 4
    assert own.overall.of(LOSS) == Estimate(value=0.2, half_width=0.01)
    assert last.overall.of(LOSS).value == pytest.approx(0.3)
    assert own.overall.of(CONTROL_ACCURACY) is None
    # What the model does not report is missing; one example has a value without an interval.
    assert own.overall.estimates["psnr"] == Estimate(value=17.0)
    assert not {"new", "ssim"} & own.overall.estimates.keys()


def test_without_a_model_to_compare_with_the_names_are_empty(tmp_path):
    values = {"examples": 1.0, "loss": 0.2, "loss_interval": 0.1}
    write_metrics(tmp_path, [((), {key(name, ""): value for name, value in values.items()})])
    assert read_evaluation(str(tmp_path)).overall.of(LOSS).value == pytest.approx(0.2)
    assert read_baseline(str(tmp_path)).overall is None


def evaluate(folder, held_out, model, **settings):
    """Run the Evaluator on the held-out mixtures and read its results."""
    from google.protobuf.json_format import MessageToJson
    from tfx.types import standard_artifacts

    from components.evaluation.evaluator import EvaluatorExecutor

    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(folder / "evaluation"), str(folder / "blessing")
    config = eval_config(
        system=get_system("c3_internal"), settings=EvaluationSettings(**settings), code=""
    )
    EvaluatorExecutor(
        EvaluatorExecutor.Context(tmp_dir=str(folder / "temporary"), unique_id="")
    ).Do(
        {"examples": [held_out.examples], "model": [model]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "eval_config": MessageToJson(config, preserving_proto_field_name=True),
            "example_splits": '["eval"]',
            "serving": str(folder / "serving"),
            "fairness_indicator_thresholds": "null",
        },
    )
    return read_evaluation(evaluation.uri)


def test_mixtures_of_one_class_and_of_two_are_slices(
    tmp_path, held_out, export_model, model_artifact, clip
):
    folder, _ = export_model("c3_internal")
    found = evaluate(tmp_path, held_out, model_artifact(folder))
    scalars = tf.saved_model.load(str(folder)).signatures["evaluate"](
        examples=tf.constant(held_out.serialized)
    )
    loss = scalars["loss"].numpy()
    records = [decode(record, clip) for record in held_out.serialized]
    expected, within = defaultdict(list), defaultdict(list)
    for values, value in zip(records, loss, strict=True):
        same = values["v1_label"] == values["v2_label"]
        name = "one class" if same else "two classes"
        expected[name].append(value)
        within[values["mixture_type"], name].append(value)
    assert len(expected) == 2
    for name, values in expected.items():
        own = found.slices["classes"][name]
        assert (own.examples, own.of(LOSS).value) == (len(values), pytest.approx(np.mean(values)))
    cells = {(kind, n): own for kind, by in found.classes_within.items() for n, own in by.items()}
    assert cells.keys() == within.keys()
    for key, values in within.items():
        assert cells[key].examples == len(values)
        assert cells[key].of(LOSS).value == pytest.approx(np.mean(values))


def test_classes_of_two_labels():
    assert classes_of("a", "a") == "one class"
    assert classes_of("a", "b") == "two classes"
    assert classes_of("", "") == classes_of("a", "") == classes_of("", "a") == ""
