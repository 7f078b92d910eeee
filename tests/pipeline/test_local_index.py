"""The manifest that `run` and `tables` write before anything else."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from damage import damage_last_frame

from data_prep.errors import UserError
from data_prep.sample.write import write_sample
from data_prep.sources import kinetics, manifest
from pipeline import commands
from pipeline.runners import local


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """A folder of videos, two of them damaged, and commands that end after the manifest."""

    def stop(*_):
        raise UserError("that is all")

    monkeypatch.setattr(local, "run", stop)
    monkeypatch.setattr(commands, "run_study", stop)
    write_sample(str(tmp_path), clips=12, classes=2, seed=3)
    entries = kinetics.find_videos(str(tmp_path / "videos")).entries
    for entry in [entry for entry in entries if entry.split == "train"][:2]:
        damage_last_frame(Path(entry.path))
    return tmp_path / "videos"


@pytest.mark.parametrize("command", ["run", "tables"])
@pytest.mark.parametrize(("check", "videos"), [((), 10), (("--check", "packets"), 12)])
def test_check_decides_whether_videos_are_decoded(damaged, tmp_path, command, check, videos):
    output = tmp_path / "out"
    words = [command, "--videos", damaged, "--output", output, *check]
    words += ["--set", "data.train_mixtures=2", "--set", "data.eval_mixtures=2"]
    done = CliRunner().invoke(commands.main, [*map(str, words)])
    assert done.stderr.splitlines()[-1] == "error: that is all"
    span = output / "manifests" / "span-1"
    assert len(manifest.read(str(span / "manifest.csv"))) == videos
    assert len(manifest.read_rejected(str(span / "rejected.csv"))) == 12 - videos
