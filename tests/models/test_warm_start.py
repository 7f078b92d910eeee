"""Warm start from exported models: what is taken, what stays fresh, what is reported."""

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, PRESET, TWO_LEVELS, build, fill, make_batch

from data_prep import storage
from data_prep.errors import UserError
from models import presets
from models.config import PUSHED, ModelConfig, TrainConfig
from models.export.exported_weights import (
    find_version,
    newest_version,
    open_weights,
    weights_digest,
)
from models.export.saved_model import export
from models.export.weight_names import stable_names
from models.systems import get_system
from models.tasks.classifier import Classifier
from models.training import train as training
from models.training.inputs import read_shuffled
from models.training.warm_start import FILE, WarmStart, check_warm_start, warm_start


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """C3 with batch normalization and layers without names, and the folder of its versions."""
    model = build("c3_internal", norm="batch", seed=1)
    folder = tmp_path_factory.mktemp("models") / "separator [v1]"
    export(model, CLIP, str(folder / "3"))
    return model, folder


def values(network) -> list[np.ndarray]:
    return [weight.numpy() for weight in network.weights]


def assert_equal(network, expected):
    for one, other in zip(values(network), values(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_weight_is_taken_bit_for_bit(exported):
    model, folder = exported
    build("c3_internal")  # Keras's counters of layers without names go on
    network = build("c3_internal", norm="batch", seed=2).network
    assert any("moving_variance" in weight.path for weight in network.weights)
    found = warm_start(network, str(folder / "3"))
    assert_equal(network, model.network)
    count = sum(value.size for value in values(network))
    expected = {"weights": len(network.weights), "loaded": len(network.weights), "fresh": []}
    expected |= {"source": str(folder / "3"), "values": count, "loaded_values": count}
    assert found == WarmStart(**expected)
    assert found.line == (
        f"started from {folder / '3'}: {len(network.weights)} of {len(network.weights)} weights "
        f"({count / 1e6:.3g} of {count / 1e6:.3g} M)"
    )


def test_clips_of_another_size_take_the_same_weights(exported):
    model, folder = exported
    clip = CLIP.model_copy(
        update={"frames": 8, "height": 24, "width": 16, "fps": 5.0, "sample_rate": 2_000}
    )
    preset = dataclasses.replace(PRESET, norm="batch")
    network = get_system("c3_internal").build(clip, preset, layers=2)
    assert warm_start(network, str(folder)).fresh == []
    assert_equal(network, model.network)


def test_a_model_separates_as_the_one_it_started_from(exported):
    model, folder = exported
    started = build("c3_internal", norm="batch", seed=2)
    batch = make_batch(2)
    before = model(batch)["outputs"].numpy()
    assert np.abs(started(batch)["outputs"].numpy() - before).max() > 1e-3
    warm_start(started.network, str(folder))
    np.testing.assert_array_equal(started(batch)["outputs"].numpy(), before)


def test_what_has_another_shape_or_name_stays_fresh_and_is_named(exported):
    model, folder = exported
    network = build("c3_internal", norm="batch", layers=3, seed=2).network
    fresh = {weight.path: weight.numpy() for weight in network.weights}
    found = warm_start(network, str(folder))
    assert found.fresh == ["layers_skip_predict", "composition_predict"]
    own = stable_names(weight.path for weight in model.network.weights)
    theirs = {own[weight.path]: weight.numpy() for weight in model.network.weights}
    names = stable_names(fresh)
    taken = 0
    for weight in network.weights:
        same = theirs[names[weight.path]].shape == weight.shape
        expected = theirs[names[weight.path]] if same else fresh[weight.path]
        np.testing.assert_array_equal(weight.numpy(), expected, err_msg=weight.path)
        taken += expected.size * same
    assert (found.loaded, found.loaded_values) == (found.weights - 4, taken)
    assert found.line.endswith(" M); fresh: layers_skip_predict, composition_predict")


def test_another_system_takes_what_it_shares(exported):
    _, folder = exported
    found = warm_start(build("c2", norm="batch").network, str(folder))
    assert found.fresh == []
    export(build("c2", norm="batch"), CLIP, str(folder.parent / "c2"))
    found = warm_start(build("c3_internal", norm="batch").network, str(folder.parent / "c2"))
    assert {name.split("_")[0] for name in found.fresh} == {"audio", "fusion", "scores"}
    assert "scores" in found.fresh, "the outermost layer that is wholly fresh"
    assert found.line.count(",") == 5
    assert found.line.endswith(f" and {len(found.fresh) - 6} more")


def test_classifier_of_other_classes_has_a_fresh_last_layer(tmp_path):
    system = get_system("i3d")

    def classifier(classes, seed):
        network = system.build(CLIP, PRESET, classes=classes)
        fill(network, seed)
        return Classifier(network, system, PRESET, [str(label) for label in range(classes)])

    trained = classifier(3, seed=1)
    export(trained, CLIP, str(tmp_path / "1"))
    network = classifier(4, seed=2).network
    last = network.get_layer("logits").get_weights()
    assert warm_start(network, str(tmp_path)).fresh == ["logits"]
    for one, other in zip(network.get_layer("logits").get_weights(), last, strict=True):
        np.testing.assert_array_equal(one, other)
    for weight, other in zip(network.weights[:-2], trained.network.weights[:-2], strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())


def test_half_precision_takes_and_keeps_float32(exported):
    model, folder = exported
    keras.config.set_dtype_policy("mixed_bfloat16")
    preset = dataclasses.replace(PRESET, norm="batch")
    network = get_system("c3_internal").build(CLIP, preset, layers=2)
    warm_start(network, str(folder))
    assert_equal(network, model.network)


def test_newest_version_is_found_by_number(exported, tmp_path):
    _, folder = exported
    for name in ("9", "10", "11"):
        shutil.copytree(folder / "3", tmp_path / "models" / name)
    (tmp_path / "models" / "11" / "variables" / "variables.index").unlink()
    (tmp_path / "models" / "12").mkdir()
    newest = str(tmp_path / "models" / "10")
    assert newest_version(str(tmp_path / "models")) == newest
    assert find_version(str(tmp_path / "models")) == newest
    assert find_version(newest) == newest
    assert newest_version(str(tmp_path)) is newest_version(str(tmp_path / "none")) is None


def test_remote_models_are_read_too(exported):
    model, folder = exported
    storage.copy_tree(str(folder / "3"), "memory://warm/7")
    network = build("c3_internal", norm="batch", seed=2).network
    assert warm_start(network, "memory://warm").source == "memory://warm/7"
    assert_equal(network, model.network)
    assert weights_digest("memory://warm/7") == weights_digest(str(folder / "3"))
    storage.remove_tree("memory://warm")


def test_digest_is_that_of_the_weights(exported, tmp_path):
    _, folder = exported
    shutil.copytree(folder / "3", tmp_path / "copy")
    digest = weights_digest(str(folder / "3"))
    assert weights_digest(str(tmp_path / "copy")) == digest
    other = build("c3_internal", norm="batch", seed=1)
    bias = other.network.weights[-1]
    bias.assign(bias + 1e-6)
    export(other, CLIP, str(tmp_path / "other"))
    assert weights_digest(str(tmp_path / "other")) != digest


@pytest.mark.parametrize("place", ["none", "empty", "index only", "remote"])
def test_a_path_without_a_model_is_named(exported, tmp_path, place):
    uri = "memory://warm/none" if place == "remote" else str(tmp_path / place)
    (tmp_path / "empty").mkdir()
    index = exported[1] / "3" / "variables" / "variables.index"
    (tmp_path / "index only" / "variables").mkdir(parents=True)
    shutil.copy(index, tmp_path / "index only" / "variables")
    network = build("c2").network
    for start in (warm_start, check_warm_start):
        with pytest.raises(UserError, match="must be the folder of an exported model") as caught:
            start(network, uri)
        assert str(caught.value).startswith(f"model.initial: {uri}: ")
        assert "\n" not in str(caught.value)


def test_a_model_that_shares_nothing_is_an_error(exported):
    _, folder = exported
    network = build("centrifuge").network
    before = values(network)
    rule = r"must be a model that shares weights with the network, got none of its \d+"
    for start in (warm_start, check_warm_start):
        with pytest.raises(UserError, match=rule):
            start(network, str(folder))
    for one, other in zip(values(network), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_damaged_weights_are_one_line(exported, tmp_path):
    _, folder = exported
    shutil.copytree(folder / "3", tmp_path / "1")
    data = tmp_path / "1" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(bytes(reversed(data.read_bytes())))
    with pytest.raises(UserError, match="must hold weights that can be read") as caught:
        warm_start(build("c3_internal", norm="batch").network, str(tmp_path))
    assert "\n" not in str(caught.value)
    (tmp_path / "1" / "variables" / "variables.index").write_bytes(b"x")
    with pytest.raises(UserError, match="must hold weights that can be read"):
        check_warm_start(build("c3_internal", norm="batch").network, str(tmp_path))


def test_weights_without_names_are_an_error(tmp_path):
    """A model that another tool exported, whose variables have no names of Keras's."""
    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "1"))
    with pytest.raises(UserError, match="must be a model of this project, got weights without"):
        warm_start(build("c2").network, str(tmp_path))


def test_exports_name_every_weight(exported):
    model, folder = exported
    names = stable_names(weight.path for weight in model.network.weights)
    with open_weights(str(folder / "3")) as found:
        assert set(names.values()) <= set(found)
        for weight in model.network.weights:
            np.testing.assert_array_equal(found[names[weight.path]], weight.numpy())


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/kernel", "conv_3/kernel"], ["a/kernel", "conv_3/kernel"]),
        (["dense/kernel", "dense/bias"], ["dense_0/kernel", "dense_0/bias"]),
        (
            ["x/conv3d_9/kernel", "x/conv3d_10/kernel", "y/conv3d_11/kernel"],
            ["x/conv3d_0/kernel", "x/conv3d_1/kernel", "y/conv3d_0/kernel"],
        ),
        (
            ["sequential_4/dense_7/kernel", "sequential_2/dense_8/kernel"],
            ["sequential_1/dense_0/kernel", "sequential_0/dense_0/kernel"],
        ),
        (
            ["my_dense_1/kernel", "audio_conv1a/kernel"],
            ["my_dense_1/kernel", "audio_conv1a/kernel"],
        ),
    ],
)
def test_stable_names(paths, names):
    assert stable_names(paths) == dict(zip(paths, names, strict=True))


def test_names_of_layers_of_keras_are_recognized():
    """Independent of how Keras names layers: a layer is made and asked."""
    layers = [
        keras.layers.Conv3D(1, 1),
        keras.layers.Conv2DTranspose(1, 1),
        keras.layers.Dense(1),
        keras.layers.BatchNormalization(),
        keras.layers.GroupNormalization(),
        keras.layers.DepthwiseConv2D(1),
        keras.Sequential([]),
    ]
    for layer in layers:
        [name] = stable_names([f"{layer.name}/kernel"]).values()
        assert name.endswith("_0/kernel"), layer.name


class StoppedError(Exception):
    """Stands for the interruption of a training run."""


@pytest.fixture(scope="module")
def train(records, tmp_path_factory):
    """A function that trains; it returns the model, its reports and the folder of its logs."""
    root = tmp_path_factory.mktemp("runs")

    def run(folder, *, system="c2_no_masking", initial="", stop=None, **settings):
        reports = []

        def report(progress):
            reports.append(progress)
            if progress.step == stop:
                raise StoppedError

        defaults = {"steps": 4, "batch": 2, "log_every": 1, "checkpoint_every": 2}
        model = training.train(
            ModelConfig(system=system, preset="tiny", initial=initial),
            TrainConfig(**{**defaults, **settings}),
            CLIP,
            train_files=records.train,
            eval_files=records.eval,
            logs=str(root / folder / "logs"),
            checkpoints=str(root / folder / "checkpoints"),
            report=report,
        )
        return model, reports, root / folder / "logs"

    with pytest.MonkeyPatch.context() as patch:
        preset = dataclasses.replace(TWO_LEVELS, norm="none")
        patch.setitem(presets.PRESETS, "tiny", preset)
        yield run


@pytest.fixture(scope="module")
def trained(train, tmp_path_factory):
    """A trained model, and the URI of its version. Not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    model, _, _ = train("trained", steps=12, optimizer="adam", learning_rate=1e-2)
    export(model, CLIP, str(folder / "1"))
    return model, str(folder / "1")


@pytest.mark.slow
def test_training_goes_on_at_the_loss_of_the_model(train, trained, records):
    model, uri = trained
    still = {"steps": 5, "optimizer": "sgd", "learning_rate": 1e-12}

    def losses(reports):
        return [progress.scalars["loss"] for progress in reports if progress.scalars]

    batches = read_shuffled(
        records.train, CLIP, records=11, batch=2, buffer=256, seed=0, re_pair=False
    )
    expected = [
        np.mean(model.measure(batch, model(batch, training=True), training=True)["loss"])
        for batch in map(model.select, batches.take(5))
    ]
    _, warm, _ = train("warm", initial=uri, **still)
    np.testing.assert_allclose(losses(warm), expected, rtol=1e-4)
    _, fresh, _ = train("fresh", **still)
    assert np.abs(np.subtract(losses(fresh), expected)).max() > 2e-3


@pytest.mark.slow
def test_a_run_reports_what_it_started_from(train, trained):
    _, uri = trained
    model, reports, logs = train("reported", initial=str(Path(uri).parent), ema=0.5)
    first, *rest = reports
    found = WarmStart.read(str(logs / FILE))
    assert (first.step, first.scalars, first.resumed_from) == (0, {}, 0)
    assert first.started_from == found.line
    assert found.source == uri
    assert found.loaded == found.weights == len(model.network.weights)
    assert not any(progress.started_from for progress in rest)
    assert [progress.step for progress in rest] == [1, 2, 3, 4]
    _, reports, logs = train("not started")
    assert [progress.step for progress in reports] == [1, 2, 3, 4]
    assert not (logs / FILE).exists()


@pytest.mark.slow
def test_the_checkpoint_of_an_interrupted_run_wins(train, trained, tmp_path):
    uri = str(tmp_path / "2")
    shutil.copytree(trained[1], uri)
    whole, _, _ = train("whole", initial=uri)
    with pytest.raises(StoppedError):
        train("parts", initial=uri, stop=3)
    shutil.rmtree(uri)  # it is not read again
    parts, reports, _ = train("parts", initial=uri)
    assert [(each.step, each.resumed_from, each.started_from) for each in reports] == [
        (2, 2, ""),
        (3, 2, ""),
        (4, 2, ""),
    ]
    assert_equal(parts.network, whole.network)


@pytest.mark.slow
def test_wrong_models_stop_training_before_a_step(train, tmp_path):
    with pytest.raises(UserError, match=r"model\.initial: .*: must be the folder of an exported"):
        train("wrong", initial=str(tmp_path))
    with pytest.raises(UserError, match=r"model\.initial: pushed: must be the folder"):
        train("wrong", initial=PUSHED)
    _, reports, _ = train("identity", system="identity", initial=str(tmp_path))
    assert reports == [], "there is nothing to start"
