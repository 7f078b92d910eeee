"""The initial model of a run: found, checked, and known to TFX's cache by its weights."""

import json
import os
import shutil
from pathlib import Path

import pipeline_stages
import pytest
import tensorflow as tf

from components.training.training_settings import TrainingSettings
from data_prep import storage
from data_prep.errors import UserError
from models.config import PUSHED, ModelConfig
from pipeline.config import load_config
from pipeline.initial_model import require_initial_model, with_initial_model
from pipeline.places import Places

BIAS = "composition_predict/bias"


def write_model(folder: Path, value: float) -> Path:
    """Write a SavedModel with one weight of the demo's C2, without this project's export."""
    module = tf.Module()
    module.bias = tf.Variable(tf.fill([26], value), name=BIAS)
    tf.saved_model.save(module, str(folder))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models with one weight, which differs. Not to be changed."""
    root = tmp_path_factory.mktemp("models")
    return [write_model(root / f"{value}", value) for value in (0.5, 0.25)]


def settings(initial, system="c2"):
    return load_config("demo", [f"model.system={system}", f"model.initial={json.dumps(initial)}"])


def custom_config(output, initial):
    """Return what TFX's cache sees of the Trainer's settings, and what the stage reads of them."""
    with Places(output).entered() as inside:
        config = with_initial_model(settings(str(initial)), inside)
        text = pipeline_stages.custom_config(config)
        return text, TrainingSettings.of(json.loads(text)).model.initial


@pytest.mark.slow
def test_other_weights_retrain_and_moved_ones_do_not(models, tmp_path):
    half, quarter = models
    output = tmp_path / "out"
    place = shutil.copytree(half, tmp_path / "serving" / "1")
    first, read = custom_config(output, place)
    assert read == str(place)
    assert custom_config(output, place.parent) == (first, read), "the newest version"
    moved = place.rename(tmp_path / "else *")
    assert custom_config(output, moved) == (first, str(moved))
    shutil.rmtree(moved)
    shutil.copytree(quarter, place)
    changed, read = custom_config(output, place)
    assert (changed != first, read) == (True, str(place))
    assert custom_config(output, half)[0] == first
    output.rename(tmp_path / "moved output")
    assert custom_config(tmp_path / "moved output", place)[0] == changed
    assert custom_config(tmp_path / "moved output", "")[0] not in (first, changed)


def test_a_remote_model_is_downloaded_once_and_known_by_its_weights(models, tmp_path):
    half, _ = models
    storage.copy_tree(str(half), "memory://initial/5")
    gone = shutil.copytree(half, tmp_path / "gone")
    linked = custom_config(tmp_path / "out", gone)[0]
    shutil.rmtree(gone)
    text, read = custom_config(tmp_path / "out", "memory://initial")
    assert text == linked
    storage.remove_tree("memory://initial")
    assert {path.name for path in Path(read).iterdir()} >= {"saved_model.pb", "variables"}
    storage.copy_tree(str(half), "memory://moved/1")
    assert custom_config(tmp_path / "out", "memory://moved/1") == (text, read)
    storage.remove_tree("memory://moved")


def test_pushed_is_the_newest_version_of_the_task(models, tmp_path, capsys):
    half, quarter = models
    output = tmp_path / "out"
    assert custom_config(output, PUSHED) == custom_config(output, "")
    assert "no model was pushed yet; fresh weights" in capsys.readouterr().err
    serving = Places(output).serving("separator")
    shutil.copytree(half, serving / "9")
    shutil.copytree(quarter, serving / "10")
    text, read = custom_config(output, PUSHED)
    assert read == str(serving / "10")
    assert text == custom_config(output, quarter)[0]


def test_a_model_is_required_before_a_run(models, tmp_path):
    half, _ = models
    for config in (settings(""), settings(PUSHED), settings(str(half)), load_config("demo")):
        require_initial_model(config)
    with pytest.raises(UserError, match=r"model\.initial: .*nope: must be the folder of an expo"):
        require_initial_model(settings(str(tmp_path / "nope")))
    with pytest.raises(UserError, match="must be a model that shares weights with the network"):
        require_initial_model(settings(str(half), system="centrifuge"))


def test_a_system_without_weights_starts_from_nothing(models, tmp_path):
    config = settings(str(models[0]), system="identity")
    require_initial_model(config)
    with Places(tmp_path / "out").entered() as inside:
        assert with_initial_model(config, inside).model.initial == ""


def test_paths_are_absolute_and_uris_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ModelConfig(initial="models/1").initial == str(tmp_path / "models" / "1")
    assert ModelConfig(initial=f".{os.sep}pushed").initial == str(tmp_path / "pushed")
    for uri in ("gs://bucket/serving/separator", PUSHED, ""):
        assert ModelConfig(initial=uri).initial == uri


def test_a_stage_starts_from_what_is_pushed_when_it_begins(models, tmp_path):
    config = settings(PUSHED)
    stage = TrainingSettings(
        model=config.model, train=config.train, clip=config.data.clip, serving=str(tmp_path)
    )
    assert stage.started_model.initial == ""
    for number, model in zip((1, 10), models, strict=True):
        shutil.copytree(model, tmp_path / str(number))
        assert stage.started_model.initial == str(tmp_path / str(number))
    elsewhere = stage.model_copy(update={"model": ModelConfig(initial=str(models[0]))})
    assert elsewhere.started_model.initial == str(models[0])
