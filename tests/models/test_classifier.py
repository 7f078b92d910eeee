"""The action classifier: its loss, its classes, and its way from records to a served model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, TWO_LEVELS, fill, make_batch

from models import presets
from models.config import ModelConfig, TrainConfig
from models.export.saved_model import export
from models.networks.i3d import cross_entropy
from models.systems import get_system
from models.training.train import train


@pytest.fixture(autouse=True)
def _small_preset(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", TWO_LEVELS)


def test_cross_entropy_agrees_with_numpy_and_ignores_unknown_labels():
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    labels = np.array([0, 2, 1, -1])
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = [-np.log(probabilities[i, label]) for i, label in enumerate(labels[:3])]
    np.testing.assert_allclose(cross_entropy(labels, logits), [*expected, 0.0], rtol=1e-5)


def test_classifier_trains_exports_and_is_evaluated(records, tmp_path):
    classifier = train(
        ModelConfig(system="i3d", preset="tiny"),
        TrainConfig(steps=3, batch=2, log_every=1, checkpoint_every=3),
        CLIP,
        train_files=records.train,
        eval_files=records.eval,
        logs=str(tmp_path / "logs"),
        checkpoints=str(tmp_path / "checkpoints"),
    )
    assert classifier.labels == ["label0", "label1", "label2"]
    export(classifier, CLIP, str(tmp_path / "model"))
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    scalars = signatures["evaluate"](examples=tf.constant(records.serialized[:3]))
    assert scalars.keys() == {"cross_entropy", "accuracy", "mixed_accuracy"}
    assert all(value.shape == (3,) for value in scalars.values())
    video = np.zeros((2, CLIP.frames, CLIP.height, CLIP.width, 3), np.uint8)
    served = signatures["serving_default"](video=tf.constant(video))
    np.testing.assert_allclose(served["probabilities"].numpy().sum(-1), 1, rtol=1e-5)
    assert set(served["label"].numpy()) <= {b"label0", b"label1", b"label2"}


def build():
    system = get_system("i3d")
    config = ModelConfig(system="i3d", preset="tiny")
    classifier = system.task.build(system, config, CLIP, ["a", "b", "c"])
    fill(classifier.network, 0)
    return classifier


def test_classes_are_the_indices_of_labels():
    batch = {"v1_label": tf.constant(["b", "", "a", "c", "d"]), "v2": tf.constant([1])}
    result = build().prepare(batch)
    np.testing.assert_array_equal(result["v1_class"], [1, -1, 0, 2, -1])
    assert result["v1_class"].dtype == tf.int32
    assert result["v2"] is batch["v2"]


def test_an_unknown_class_is_as_bad_as_a_guess():
    batch = {**make_batch(2), "v1_class": np.array([-1, 1])}
    classifier = build()
    scalars = classifier.evaluate_batch(batch, classifier(batch))
    assert float(scalars["cross_entropy"][0]) == pytest.approx(np.log(3), rel=1e-5)
    assert float(scalars["cross_entropy"][1]) != pytest.approx(np.log(3), rel=1e-5)
    assert [float(scalars[name][0]) for name in ("accuracy", "mixed_accuracy")] == [0, 0]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_finite_and_near_float32(policy):
    batch = make_batch(2)
    expected = build()(batch)["logits"].numpy()
    keras.config.set_dtype_policy(policy)
    logits = build()(batch, training=False)["logits"]
    assert logits.dtype == "float32"
    np.testing.assert_allclose(logits, expected, atol=0.05 * np.abs(expected).max())
