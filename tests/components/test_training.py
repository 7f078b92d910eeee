import html
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from extreme_runs import data_of, facts_of, settings_of, split_info

from components.evaluation.slice_metrics import EvaluationResults
from components.html.pages import render
from components.report import gathering
from components.report.curves import read_curves
from components.report.run_page import report_page
from components.training import run_fn
from components.training.terminal_progress import describe, training_progress
from components.training.training_settings import TrainingSettings
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.records.info import DatasetInfo, SplitInfo
from models import presets
from models.config import PUSHED, ModelConfig, TrainConfig
from models.measures import MEASURES, Measure
from models.training.progress import Progress
from models.training.warm_start import FILE, WarmStart


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture
def attempt(held_out, clip, small_preset, tmp_path, monkeypatch):
    """Gives a function that trains as TFX does, with the folders of an execution."""
    monkeypatch.setitem(presets.PRESETS, "tiny", small_preset)
    split = SplitInfo(
        mixtures=len(held_out.serialized),
        mixture_types={},
        with_audio=1,
        videos=6,
        sources=6,
        labels=[],
    )
    records = tmp_path / "examples" / "Split-train" / "mixtures.tfrecord"
    records.parent.mkdir(parents=True)
    records.write_bytes(b"".join(Path(file).read_bytes() for file in held_out.files))
    info = DatasetInfo(splits={"train": split}, settings=DataConfig(clip=clip), features={})
    info.write(str(tmp_path / "examples" / "info.json"))
    settings = TrainingSettings(
        model=ModelConfig(system="c2"),
        train=TrainConfig(steps=4, batch=2, log_every=1, checkpoint_every=2, image_every=4),
        clip=clip,
    )

    def run(execution: str, initial: str = "", packages: str = ""):
        model = settings.model.model_copy(update={"initial": initial})
        given = settings.model_copy(update={"model": model})
        place = str(tmp_path / "checkpoints")
        custom = given.custom_config(checkpoints=place, code="1", packages=packages)
        folders = {
            "model_run_dir": str(tmp_path / execution / "logs"),
            "serving_model_dir": str(tmp_path / execution / "model"),
        }
        files = {"train_files": [str(records)], "eval_files": [str(records)]}
        run_fn.run_fn(SimpleNamespace(custom_config=custom, **folders, **files))
        return tmp_path / execution

    return run


@pytest.mark.slow
def test_curves_and_checkpoints_outlive_an_interruption(attempt, tmp_path, monkeypatch):
    def stop(*_):
        raise StoppedError

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(run_fn, "export", stop)
        attempt("first")
    done = attempt("second", packages="others, after an upgrade")
    assert (done / "model" / "saved_model.pb").is_file()
    curves = read_curves(str(done / "logs"))
    assert [step for step, _ in curves["train/loss"]] == [1, 2, 3, 4]
    assert not list((tmp_path / "checkpoints").glob("*")), "a finished training run leaves none"


@pytest.mark.slow
def test_what_a_run_started_from_is_shown_and_kept_with_its_curves(attempt, export_model, capsys):
    folder, exported = export_model("c2")
    done = attempt("warm", initial=str(folder))
    found = WarmStart.read(str(done / "logs" / FILE))
    assert (found.source, found.fresh) == (str(folder), [])
    assert found.loaded == len(exported.network.weights)
    shown = capsys.readouterr().err.splitlines()
    assert f"  {found.line}" in shown


def test_runs_that_train_alike_do_so_one_after_the_other(clip, tmp_path, monkeypatch):
    def train(*_, logs, checkpoints, **__):
        assert not storage.exists(checkpoints)
        storage.write_text(storage.join(logs, "events"), "curves")
        time.sleep(0.5)
        return checkpoints

    def export(checkpoints, _, folder):
        storage.write_text(storage.join(folder, "model"), "")
        storage.read_text(storage.join(checkpoints, "logs", "events"))

    def attempt(number):
        arguments = {
            "custom_config": settings.custom_config(checkpoints=place, code="1"),
            "model_run_dir": str(tmp_path / number / "logs"),
            "serving_model_dir": str(tmp_path / number / "model"),
            "train_files": [],
            "eval_files": [],
        }
        run_fn.run_fn(SimpleNamespace(**arguments))
        assert (tmp_path / number / "model" / "model").is_file()
        assert (tmp_path / number / "logs" / "events").is_file()

    monkeypatch.setattr("data_prep.storage.leases._WAIT", 0.1)
    for name, fake in {"train": train, "export": export, "find_files": list}.items():
        monkeypatch.setattr(run_fn, name, fake)
    place = str(tmp_path / "checkpoints")
    settings = TrainingSettings(model=ModelConfig(), train=TrainConfig(), clip=clip)
    with ThreadPoolExecutor() as pool:
        list(pool.map(attempt, ["1", "2"]))
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_workers_that_find_different_models_take_the_oldest(clip, tmp_path):
    def start(*others, initial=PUSHED):
        settings = TrainingSettings(
            model=ModelConfig(initial=initial),
            train=TrainConfig(),
            clip=clip,
            serving=str(tmp_path),
        )
        return settings.agreed_model(lambda own: [*others, own]).initial

    for file in ("saved_model.pb", "variables/variables.index"):
        storage.write_text(str(tmp_path / "10" / file), "")
    assert start() == start(10) == start(11) == str(tmp_path / "10")
    assert start(9) == str(tmp_path / "9")
    assert start(9, 0) == ""
    assert start(0, initial=str(tmp_path / "7")) == str(tmp_path / "7")


def test_page_names_what_training_started_from(tmp_path):
    found = WarmStart(
        source="/models/<1>", weights=4, loaded=3, values=10, loaded_values=9, fresh=["head"]
    )
    found.write(str(tmp_path / FILE))
    assert gathering.read_warm_start(str(tmp_path)) == found
    assert gathering.read_warm_start(str(tmp_path / "none")) is None
    split = split_info({"transparency": 1}, with_audio=1)
    data = data_of(tmp_path, split, split)
    curve = {"train/objective": [(1, 0.5), (2, 0.25)]}
    pages = [
        render(report_page(facts_of(data, EvaluationResults(slices={}), **more), settings_of("c2")))
        for more in ({"curves": curve, "warm_start": found}, {"curves": curve})
    ]
    line = html.escape(f"Training {found.line}.")
    assert [page.count(line) for page in pages] == [1, 0]


def progress(step, **more):
    scalars = {"objective": 0.25, "control_accuracy": 0.75}
    return Progress(step=step, steps=4, scalars=scalars, updates=2, seconds=1.0, waited=0.1, **more)


def test_progress_is_described_in_words():
    assert describe(progress(2)) == (
        "loss 0.250  control accuracy 75 %  500 ms per step  10.0% waiting for input"
    )


def test_every_share_among_the_scalars_is_described(monkeypatch):
    monkeypatch.setitem(MEASURES, "hits", Measure("hits", "hits", digits=1, is_share=True))
    scalars = {"objective": 0.7, "loss": 0.5, "accuracy": 0.2, "hits": 0.123}
    shown = describe(replace(progress(2), scalars=scalars))
    assert shown.startswith("loss 0.500  accuracy 20 %  hits 12.3 %  500 ms")


def test_resumption_is_shown_at_once_and_once(capsys):
    with training_progress() as report:
        report(Progress(2, 4, scalars={}, updates=0, seconds=0.0, waited=0.0, resumed_from=2))
        assert capsys.readouterr().err == "  resuming from step 2\n"
        report(progress(3, resumed_from=2))
        report(progress(4, resumed_from=2))
    shown = capsys.readouterr().err
    assert "resuming" not in shown
    assert "step 4/4" in shown


def test_a_fresh_run_does_not_resume(capsys):
    with training_progress() as report:
        report(progress(4))
    assert "resuming" not in capsys.readouterr().err
