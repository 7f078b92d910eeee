"""Training on a few records: what stops it, what it takes up again, what it averages."""

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, PRESET, TWO_LEVELS

from data_prep.errors import UserError
from models import presets
from models.config import ModelConfig, TrainConfig
from models.training import fit as trainer


class StoppedError(Exception):
    """Stands for the kill of a training."""


@pytest.fixture(autouse=True)
def _small_preset(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", TWO_LEVELS)


@pytest.fixture
def train(records, tmp_path):
    """Gives a function that trains, and returns the separator and what was reported."""

    def run(system="c2_no_masking", *, folder="run", data=records, stop=None, **settings):
        reports = []

        def report(progress):
            reports.append(progress)
            if progress.step == stop:
                raise StoppedError

        config = TrainConfig(
            **{"steps": 4, "batch": 2, "log_every": 1, "checkpoint_every": 2, **settings}
        )
        separator = trainer.train(
            ModelConfig(system=system, preset="tiny"),
            config,
            CLIP,
            train_files=data.train,
            eval_files=data.eval,
            logs=str(tmp_path / folder / "logs"),
            checkpoints=str(tmp_path / folder / "checkpoints"),
            report=report,
        )
        return separator, reports

    return run


@pytest.fixture
def no_statistics(monkeypatch):
    """Without batch normalisation, by which a batch is more than the sum of its parts."""
    preset = dataclasses.replace(TWO_LEVELS, norm="none")
    monkeypatch.setitem(presets.PRESETS, "tiny", preset)


def assert_same_weights(separator, expected, atol=1e-5):
    for weight, value in zip(separator.weights, expected.weights, strict=True):
        np.testing.assert_allclose(weight, value, atol=atol, err_msg=weight.path)


def differs(separator, other):
    return any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(separator.get_weights(), other.get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    "system, settings",
    [
        ("c2", {"optimizer": "sgd", "learning_rate": 0.1, "warmup_steps": 2}),
        ("c2_no_masking", {"accumulate": 2, "ema": 0.5, "repair": True}),
        ("i3d", {}),  # whose dropout draws by a state of its own
    ],
)
def test_a_stopped_training_goes_on_as_if_it_had_not_been(train, system, settings):
    whole, _ = train(system, folder="whole", **settings)
    with pytest.raises(StoppedError):
        train(system, folder="parts", stop=3, **settings)
    parts, reports = train(system, folder="parts", **settings)
    assert [progress.step for progress in reports] == [3, 4]
    assert_same_weights(parts, whole)


def test_a_finished_training_is_not_repeated(train):
    first, _ = train(ema=0.5)
    again, reports = train(ema=0.5)
    assert reports == []
    assert_same_weights(again, first)


def test_reports_and_curves(train, tmp_path):
    _, reports = train("c3_internal", log_every=2)
    assert [(progress.step, progress.steps) for progress in reports] == [(2, 4), (4, 4)]
    scalars = reports[-1].scalars
    assert scalars.keys() == {"objective", "loss", "score_error", "control_accuracy"}
    assert scalars["objective"] == pytest.approx(scalars["loss"] + scalars["score_error"], rel=1e-5)
    assert reports[-1].updates == 4
    assert 0 <= reports[-1].waited <= reports[-1].seconds
    (events,) = (tmp_path / "run/logs").iterdir()
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert {"train/objective", "held_out/identity_loss", "held_out/separation"} <= tags


def test_training_learns(train):
    _, reports = train(steps=40, learning_rate=1e-2, log_every=10, checkpoint_every=40)
    assert reports[-1].scalars["loss"] < reports[0].scalars["loss"]


def test_divergence_names_the_mixtures(train):
    with pytest.raises(UserError, match="training diverged") as raised:
        train(learning_rate=1e30)
    message = str(raised.value)
    assert re.search(r"the loss at step 2 is (nan|inf)", message)
    assert len(re.findall(r"train-\d{8}", message)) == 2
    assert "\n" not in message


def test_weights_that_are_no_numbers_are_neither_kept_nor_returned(train, tmp_path, monkeypatch):
    # The loss that such an update follows is a number.
    infinite = keras.optimizers.SGD(np.inf)
    monkeypatch.setattr(trainer, "make_optimizer", lambda *_, **__: infinite)
    with pytest.raises(UserError, match=r"diverged: \S+ is no number after step 1; .*train-"):
        train(steps=1)
    assert not list((tmp_path / "run").glob("checkpoints/*"))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"accumulate": 2}, "accumulate must be 1 on several devices: received 2 on 2"),
        ({"precision": "mixed_float16"}, "mixed_float16 needs a single device: there are 2"),
    ],
)
def test_what_keras_cannot_do_on_several_devices_is_refused(settings, message):
    arguments = ModelConfig(system="c2"), TrainConfig(**settings), {"mixtures": 4, "with_sound": 4}
    trainer._check(*arguments, batch=4, replicas=1)
    with pytest.raises(UserError, match=message):
        trainer._check(*arguments, batch=4, replicas=2)


@pytest.mark.parametrize("system", ["c3_deterministic", "c3_internal"])
def test_control_without_sound_is_refused(train, silent_records, system, tmp_path):
    with pytest.raises(UserError, match="none of the 11 training mixtures has any"):
        train(system, data=silent_records)
    assert not (tmp_path / "run").exists()


def test_no_sound_is_needed_without_control(train, silent_records):
    train("c2", steps=1, data=silent_records)


@pytest.mark.usefixtures("no_statistics")
def test_accumulated_batches_are_one_large_batch(train):
    settings = {"steps": 3, "learning_rate": 1e-2, "schedule": "constant"}
    large, _ = train(folder="large", batch=4, **settings)
    accumulated, _ = train(folder="accumulated", batch=2, accumulate=2, **settings)
    assert_same_weights(accumulated.network, large.network, atol=1e-4)


@pytest.mark.usefixtures("no_statistics")
def test_the_moving_average_counts_updates_not_batches(train):
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "accumulate": 2}
    trained = [train(folder=f"{n}", steps=n, **settings)[0].network for n in (1, 2)]
    averaged, _ = train(folder="averaged", steps=2, ema=0.5, **settings)
    # Keras moves it with both batches of the second update, of which the first changes nothing.
    keep = 0.5**0.5
    weights = zip(*(network.weights for network in trained), strict=True)
    for mean, (first, second) in zip(averaged.network.weights, weights, strict=True):
        expected = keep * first + (1 - keep) * second
        np.testing.assert_allclose(mean, expected, atol=1e-5, err_msg=mean.path)


def test_the_moving_average_is_what_training_returns(train):
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant"}
    first, second = (train(folder=f"{n}", steps=n, **settings)[0].network for n in (1, 2))
    averaged, _ = train(folder="averaged", steps=2, ema=0.5, **settings)
    trained = (network.trainable_weights for network in (averaged.network, first, second))
    for mean, *values in zip(*trained, strict=True):
        np.testing.assert_allclose(mean, np.mean(values, axis=0), atol=1e-5, err_msg=mean.path)
    assert differs(averaged.network, second)
    # The statistics of batches are averages already.
    statistics = averaged.network.non_trainable_weights, second.non_trainable_weights
    for value, expected in zip(*statistics, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6, err_msg=value.path)


# TensorFlow's gradients of bfloat16 convolutions on a CPU are now and then not numbers.
def test_scaled_loss(train):
    separator, reports = train("c3_internal", precision="mixed_float16", steps=3, ema=0.5)
    # An update of which a gradient overflows is left out, and not counted.
    assert int(separator.optimizer.inner_optimizer.iterations) == 3
    assert all(np.isfinite(progress.scalars["objective"]) for progress in reports)
    assert {weight.dtype for weight in separator.trainable_weights} == {"float32"}
    assert float(separator.optimizer.dynamic_scale) > 1


def test_half_precision_that_a_cpu_lacks_is_refused(train, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", PRESET)
    with pytest.raises(UserError, match="mixed_float16 needs a GPU for a preset with max-pooling"):
        train(precision="mixed_float16")


def test_classifier(train):
    classifier, reports = train("i3d", steps=2)
    assert classifier.labels == ["label0", "label1", "label2"]
    assert reports[-1].scalars.keys() == {"objective", "accuracy"}


def test_identity_needs_no_training(train):
    separator, reports = train("identity")
    assert separator.network.weights == []
    assert reports == []
