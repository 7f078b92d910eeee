import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.report.curves import read_curves
from components.training import run_fn
from models import presets
from models.config import ModelConfig, TrainConfig


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture
def attempt(held_out, clip, small_preset, tmp_path, monkeypatch):
    """Gives a function that trains as TFX has it done, with the folders of an execution."""
    monkeypatch.setitem(presets.PRESETS, "tiny", small_preset)
    split = {"mixtures": len(held_out.serialized), "with_sound": 1, "labels": []}
    records = tmp_path / "examples" / "Split-train" / "mixtures.tfrecord"
    records.parent.mkdir(parents=True)
    records.write_bytes(b"".join(Path(file).read_bytes() for file in held_out.files))
    (tmp_path / "examples" / "info.json").write_text(json.dumps({"splits": {"train": split}}))
    train = TrainConfig(steps=4, batch=2, log_every=1, checkpoint_every=2, picture_every=4)
    custom = {
        "model": ModelConfig(system="c2").model_dump_json(),
        "train": train.model_dump_json(),
        "clip": clip.model_dump_json(),
        "checkpoints": str(tmp_path / "checkpoints"),
        "code": "1",
    }

    def run(execution: str):
        folders = {
            "model_run_dir": str(tmp_path / execution / "logs"),
            "serving_model_dir": str(tmp_path / execution / "model"),
        }
        files = {"train_files": [str(records)], "eval_files": [str(records)]}
        run_fn.run_fn(SimpleNamespace(custom_config=custom, **folders, **files))
        return tmp_path / execution

    return run


def test_curves_and_checkpoints_outlive_an_interruption(attempt, tmp_path, monkeypatch):
    def stop(*_):
        raise StoppedError

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(run_fn, "export", stop)
        attempt("first")
    done = attempt("second")
    assert (done / "model" / "saved_model.pb").is_file()
    curves = read_curves(str(done / "logs"))
    assert [step for step, _ in curves["train/loss"]] == [1, 2, 3, 4]
    assert not list((tmp_path / "checkpoints").iterdir()), "a finished training leaves none"
