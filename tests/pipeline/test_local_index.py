"""The manifest that `run` and `tables` write before anything else."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from damage import damage_last_frame

from data_prep.errors import UserError
from data_prep.sample.write import write_sample
from data_prep.sources import examine_file, kinetics, manifest
from pipeline import commands
from pipeline.config import load_config
from pipeline.places import Places
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


@pytest.fixture
def small(tmp_path):
    """Eight whole videos, and a function that indexes them into an output."""
    write_sample(str(tmp_path / "sample"), clips=8, classes=2, seed=3)
    videos = tmp_path / "sample/videos"
    config = load_config("demo", ["data.train_mixtures=2", "data.eval_mixtures=2"])
    return videos, lambda: Path(local.index(str(videos), (), Places(tmp_path / "out"), config))


def test_a_file_that_is_no_video_makes_no_new_span(small, capsys):
    videos, index = small
    first = index()
    assert first.parent.name == "span-1"
    before = first.read_bytes()
    assert manifest.read_rejected(str(first.parent / "rejected.csv")) == []
    (videos / "notes.txt").write_text("mine")
    (videos / "broken.mp4").write_text("no video")
    capsys.readouterr()
    assert index() == first
    assert "not changed since: 8 of 8" in capsys.readouterr().err
    assert first.read_bytes() == before
    rejections = manifest.read_rejected(str(first.parent / "rejected.csv"))
    assert [Path(item.path).name for item in rejections] == ["broken.mp4", "notes.txt"]
    assert {path.name for path in first.parent.iterdir()} == {"manifest.csv", "rejected.csv"}
    assert {path.name for path in first.parent.parent.iterdir()} == {
        "span-1",
        "examined.jsonl.gz",
    }


def test_a_video_less_makes_a_new_span_and_opens_nothing(small, monkeypatch):
    _, index = small
    first = index()
    monkeypatch.setattr(examine_file, "_probe", None)  # whoever opens a file fails
    Path(next(v.path for v in manifest.read(str(first)) if v.split == "train")).unlink()
    second = index()
    assert second.parent.name == "span-2"
    assert len(manifest.read(str(second))) == len(manifest.read(str(first))) - 1


def test_a_newest_span_without_its_list_gets_one(small):
    _, index = small
    first = index()
    (first.parent / "rejected.csv").unlink()
    assert index() == first
    assert (first.parent / "rejected.csv").exists()
