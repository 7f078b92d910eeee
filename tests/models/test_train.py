"""Training on a few records: what stops it, how it resumes, what it averages."""

import dataclasses
import doctest
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, PRESET, TWO_LEVELS

from data_prep.errors import UserError
from data_prep.mixing.compose import compose
from models import presets
from models.config import ModelConfig, TrainConfig
from models.export.exported_weights import open_weights
from models.export.saved_model import export
from models.training import train as training
from models.training.batch_statistics import BATCHES
from models.training.inputs import read_once, read_shuffled

pytestmark = pytest.mark.slow  # a training run per test


AUGMENT = {"flip": True, "color": 0.2, "gain": 3}


class StoppedError(Exception):
    """Stands for the interruption of a training run."""


@pytest.fixture(autouse=True)
def _small_preset(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", TWO_LEVELS)


@pytest.fixture
def resumptions():
    """The reports by which resumed runs begin."""
    return []


@pytest.fixture
def train(records, resumptions, tmp_path):
    """A function that trains; it returns the model and the points of the curves."""

    def run(
        system="c2_no_masking", *, folder="run", data=records, stop=None, callbacks=(), **settings
    ):
        reports = []

        def report(progress):
            (reports if progress.scalars else resumptions).append(progress)
            if progress.step == stop:
                raise StoppedError

        defaults = {"steps": 4, "batch": 2, "log_every": 1, "checkpoint_every": 2}
        config = TrainConfig(**{**defaults, **settings})
        separator = training.train(
            ModelConfig(system=system, preset="tiny"),
            config,
            CLIP,
            train_files=data.train,
            eval_files=data.eval,
            logs=str(tmp_path / folder / "logs"),
            checkpoints=str(tmp_path / folder / "checkpoints"),
            report=report,
            callbacks=callbacks,
        )
        return separator, reports

    return run


@pytest.fixture
def no_statistics(monkeypatch):
    """Without batch normalization, which makes a batch more than the sum of its parts."""
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


def assert_equal_weights(separator, expected):
    for weight, value in zip(separator.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(weight, value, err_msg=weight.path)


@pytest.mark.parametrize(
    "system, settings",
    [
        ("c2", {"optimizer": "sgd", "learning_rate": 0.1, "warmup_steps": 2}),
        ("c2_no_masking", {"accumulate": 2, "ema": 0.5, "re_pair": True, "augment": AUGMENT}),
        (
            "c2_no_masking",
            {"optimizer": "muon", "learning_rate": 3e-3, "accumulate": 2, "ema": 0.5},
        ),
        ("i3d", {}),  # its dropout draws by a state of its own
    ],
)
def test_an_interrupted_training_resumes_as_if_it_had_not_been_interrupted(
    train, resumptions, system, settings
):
    whole, _ = train(system, folder="whole", **settings)
    with pytest.raises(StoppedError):
        train(system, folder="parts [1]", stop=3, **settings)
    assert not resumptions
    parts, reports = train(system, folder="parts [1]", **settings)
    assert [(progress.step, progress.resumed_from) for progress in resumptions] == [(2, 2)]
    assert [(progress.step, progress.resumed_from) for progress in reports] == [(3, 2), (4, 2)]
    assert_equal_weights(parts, whole)


# A checkpoint within an epoch: its first three updates are not computed again.
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_training_resumes_in_the_middle_of_an_epoch(train, accumulate):
    settings = {"steps": 10, "log_every": 4, "checkpoint_every": 3, "accumulate": accumulate}
    whole, expected = train("c2", folder="whole", **settings)
    assert [progress.step for progress in expected] == [4, 8, 10]
    with pytest.raises(StoppedError):
        train("c2", folder="parts", stop=4, **settings)
    epochs = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    parts, reports = train("c2", folder="parts", callbacks=[count], **settings)
    assert epochs == [0, 1, 2]
    assert [progress.step for progress in reports] == [4, 8, 10]
    assert [progress.updates for progress in reports] == [1, 5, 7]
    assert {progress.resumed_from for progress in reports} == {3}
    # The means of the interrupted epoch are over its part before the checkpoint too.
    assert [progress.scalars for progress in reports] == [each.scalars for each in expected]
    assert_equal_weights(parts, whole)


def test_a_callback_can_stop_a_resumed_training_where_its_first_epoch_ends(train):
    settings = {"steps": 10, "log_every": 4, "checkpoint_every": 3}
    with pytest.raises(StoppedError):
        train(folder="parts", stop=4, **settings)
    stop = keras.callbacks.LambdaCallback()
    stop.on_train_batch_end = lambda batch, logs: setattr(stop.model, "stop_training", True)
    _, reports = train(folder="parts", callbacks=[stop], **settings)
    assert [progress.step for progress in reports] == [4]


def test_a_finished_training_is_not_repeated(train):
    first, _ = train(ema=0.5)
    again, reports = train(ema=0.5)
    assert reports == []
    assert_same_weights(again, first)


def test_reports_and_curves(train, tmp_path):
    _, reports = train("c3_internal", log_every=2, image_every=2)
    assert [(progress.step, progress.steps) for progress in reports] == [(2, 4), (4, 4)]
    scalars = reports[-1].scalars
    assert scalars.keys() == {"objective", "loss", "score_error", "control_accuracy"}
    # The scores of the clips themselves are learned too.
    assert scalars["objective"] > scalars["loss"] + scalars["score_error"]
    assert reports[-1].updates == 4
    assert 0 <= reports[-1].waited <= reports[-1].seconds
    (events,) = (tmp_path / "run/logs").iterdir()
    tags: dict[str, list[int]] = {}
    for event in tf.compat.v1.train.summary_iterator(str(events)):
        for value in event.summary.value:
            tags.setdefault(value.tag, []).append(event.step)
    reported = {f"train/{name}" for name in (*scalars, "waiting_share")}
    measured = ("loss", "identity_loss", "psnr", "ssim", "score_error", "control_accuracy")
    held_out = {f"held_out/{name}" for name in (*measured, "separation")}
    assert tags == {tag: [2, 4] for tag in reported | held_out}


def test_keras_callbacks_see_the_means(train, tmp_path):
    logs = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, values: logs.append(values))
    table = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    _, reports = train("c3_internal", steps=5, log_every=2, callbacks=[record, table])
    assert logs == [progress.scalars for progress in reports]
    header, *rows = (tmp_path / "log.csv").read_text().split()
    assert {"epoch", *reports[0].scalars} <= set(header.split(","))
    assert [row.split(",")[0] for row in rows] == ["0", "1", "2"]


def test_every_model_has_a_loss_to_monitor(train):
    logs = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, values: logs.append(values))
    train("i3d", steps=2, callbacks=[record])
    assert all(values["loss"] == values["objective"] for values in logs)


def test_keras_callbacks_stop_a_training(train):
    # No loss is below that of the first epoch by so much.
    stop = keras.callbacks.EarlyStopping("loss", patience=2, min_delta=10)
    separator, reports = train(steps=20, callbacks=[stop])
    assert [progress.step for progress in reports] == [1, 2, 3]
    assert all(np.isfinite(weight).all() for weight in separator.get_weights())


def test_keras_callbacks_set_the_learning_rate(train):
    rates = []
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(
            float(schedule.model.optimizer.learning_rate)
        )
    )
    train(schedule="constant", callbacks=[schedule, record])
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.1 / 3, 0.025], rtol=1e-6)


def test_what_a_callback_restores_is_kept(train):
    restored, name = [np.full(1, 7.0)], "composition_predict/bias"

    def restore(logs):
        [bias] = [each for each in last.model.weights if each.path.endswith(name)]
        bias.assign(np.full(bias.shape, restored[0]))

    last = keras.callbacks.LambdaCallback(on_train_end=restore)
    separator, _ = train("c2_no_masking", ema=0.5, callbacks=[last])
    [bias] = [each for each in separator.weights if each.path.endswith(name)]
    assert np.all(bias == 7.0)


def test_a_trained_model_is_trained_by_its_own_fit_again(train, records):
    separator, _ = train("c2_no_masking")
    batches = read_once(records.train, CLIP, batch=2).map(separator.select)
    history = separator.fit(batches, steps_per_epoch=2, shuffle=False, verbose=0)
    assert {"objective", "loss"} <= history.history.keys()


def test_batches_bring_no_logs_that_keras_would_fetch_from_the_device(train, monkeypatch):
    batches = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(logs)
    )
    train(steps=6, log_every=3, callbacks=[record])
    # Keras fetches every value of the logs that its training function returns.
    assert batches == [{}] * 6


def test_the_example_runs(records, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixtures").symlink_to(records.root)
    [example] = doctest.DocTestFinder(recurse=False).find(training.train, "train", globs={})
    results = doctest.DocTestRunner().run(example)
    assert (results.failed, results.attempted > 5) == (0, True)
    assert (tmp_path / "run/model/1/saved_model.pb").exists()


def test_training_learns(train):
    _, reports = train(steps=40, learning_rate=1e-2, log_every=10, checkpoint_every=40)
    assert reports[-1].scalars["loss"] < reports[0].scalars["loss"]


@pytest.fixture
def diverging(monkeypatch):
    """Make the first update ruin the weights, as no learning rate that settings allow does."""

    def ruinous(config, *_, **__):
        steps = config.accumulate if config.accumulate > 1 else None
        return keras.optimizers.Adam(1e30, gradient_accumulation_steps=steps)

    monkeypatch.setattr(training, "make_optimizer", ruinous)


def test_divergence_names_the_mixtures(train, diverging):
    with pytest.raises(UserError, match="training diverged") as raised:
        train()
    message = str(raised.value)
    assert re.search(r"the loss at step 2 is (nan|inf)", message)
    assert len(re.findall(r"train-\d{8}", message)) == 2
    assert "\n" not in message


def test_weights_that_are_not_finite_are_neither_kept_nor_returned(train, tmp_path, monkeypatch):
    # The loss before such an update is finite.
    infinite = keras.optimizers.SGD(np.inf)
    monkeypatch.setattr(training, "make_optimizer", lambda *_, **__: infinite)
    with pytest.raises(UserError, match=r"diverged: \S+ is NaN or infinite after step 1; .*train-"):
        train(steps=1)
    assert not list((tmp_path / "run").glob("checkpoints/*"))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_divergence_names_the_mixtures_of_its_own_batch(train, records, diverging, accumulate):
    with pytest.raises(UserError, match="the loss at step 2 is") as raised:
        train(accumulate=accumulate, log_every=4)
    batches = training.read_shuffled(
        records.train, CLIP, records=11, batch=2, buffer=256, seed=0, skip=accumulate
    )
    names = training._names(batches)
    assert f"the mixtures {', '.join(names)};" in str(raised.value)


@pytest.mark.parametrize(
    "settings, batch, message",
    [
        ({}, 3, "batch: must be divisible by the 2 devices, got 3"),
        ({"accumulate": 2}, 4, "accumulate: must be 1 on several devices, got 2 on 2"),
        ({"precision": "mixed_float16"}, 4, "mixed_float16: needs a single device, got 2"),
    ],
)
def test_what_keras_cannot_do_on_several_devices_is_refused(settings, batch, message):
    config = TrainConfig(**settings)
    training.check_devices(config, batch, replicas=1)
    with pytest.raises(UserError, match=message):
        training.check_devices(config, batch, replicas=2)


@pytest.mark.parametrize("system", ["c3_deterministic", "c3_internal"])
def test_control_without_audio_is_refused(train, silent_records, system, tmp_path):
    with pytest.raises(UserError, match="mixtures with audio, got 11 training mixtures without"):
        train(system, data=silent_records)
    assert not (tmp_path / "run").exists()


def test_no_audio_is_needed_without_control(train, silent_records):
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
    # Keras moves it with both batches of the second update; the first changes no weight.
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


def test_the_moving_average_is_exported_with_its_statistics(train, records, tmp_path, monkeypatch):
    batch_normalized = dataclasses.replace(presets.PRESETS["tiny"], norm="batch")
    monkeypatch.setitem(presets.PRESETS, "tiny", batch_normalized)
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "batch": 2}
    averaged, _ = train(steps=2, ema=0.9, **settings)
    export(averaged, CLIP, str(tmp_path / "model"))
    layers = averaged.network.layers
    norm = next(each for each in layers if isinstance(each, keras.layers.BatchNormalization))
    before = keras.Model(averaged.network.inputs, norm.input)
    # The batches that would have come next.
    batches = read_shuffled(records.train, CLIP, records=11, batch=2, buffer=256, seed=0, skip=2)
    moments = []
    for batch in batches.take(BATCHES).as_numpy_iterator():
        v1, v2 = (batch[name] / np.float32(127.5) - 1 for name in ("v1", "v2"))
        features = np.asarray(before([compose(v1, v2, batch["alpha"])]), np.float64)
        moments.append((features.mean(axis=(0, 1, 2, 3)), features.var(axis=(0, 1, 2, 3))))
    with open_weights(str(tmp_path / "model")) as weights:
        [mean] = [
            value for name, value in weights.items() if name.endswith(f"{norm.name}/moving_mean")
        ]
        [variance] = [
            value
            for name, value in weights.items()
            if name.endswith(f"{norm.name}/moving_variance")
        ]
    expected = np.mean(moments, axis=0)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(variance, expected[1], rtol=1e-3)
    plain, _ = train(folder="plain", steps=2, **settings)
    statistics = averaged.network.non_trainable_weights, plain.network.non_trainable_weights
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(*statistics, strict=True))


# TensorFlow's gradients of bfloat16 convolutions on a CPU are sometimes NaN.
def test_scaled_loss(train):
    separator, reports = train("c3_internal", precision="mixed_float16", steps=3, ema=0.5)
    # An update with an overflowing gradient is left out, and not counted.
    assert int(separator.optimizer.inner_optimizer.iterations) == 3
    assert all(np.isfinite(progress.scalars["objective"]) for progress in reports)
    assert {weight.dtype for weight in separator.trainable_weights} == {"float32"}
    assert float(separator.optimizer.dynamic_scale) > 1


def test_half_precision_that_a_cpu_lacks_is_refused(train, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", PRESET)
    with pytest.raises(UserError, match="mixed_float16: needs a GPU for a preset with max-pooling"):
        train(precision="mixed_float16")


def test_classifier(train):
    classifier, reports = train("i3d", steps=2)
    assert classifier.labels == ["label0", "label1", "label2"]
    assert reports[-1].scalars.keys() == {"objective", "accuracy"}


def test_identity_needs_no_training(train):
    separator, reports = train("identity")
    assert separator.network.weights == []
    assert reports == []
