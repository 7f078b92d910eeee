"""Videos that stop the decoder are listed with their reasons, and all other mixtures are made."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
from small_videos import TINY

from data_prep.records.tfrecord import read_records
from data_prep.sources import manifest

STAND_IN = """
import os, signal, time
from contextlib import contextmanager
from pathlib import Path

from data_prep.media import decoding

real = decoding.opened


@contextmanager
def opened(path, **options):
    name = Path(path).name
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"):
        time.sleep(1_000)
    with real(path, **options) as container:
        yield container


decoding.opened = opened
"""
"""What Python runs at its start: a decoder that files of some names crash or hang."""


@pytest.fixture(scope="module")
def folder(video_folder, tmp_path_factory):
    """Six good videos and two bad ones, which are indexed while the decoder takes them."""
    root = tmp_path_factory.mktemp("quarantine")
    shutil.copytree(video_folder, root / "videos")
    for number, name in enumerate(("crash.mp4", "hang.mp4")):
        data = (video_folder / f"part{number}/video{number}.mp4").read_bytes()
        (root / "videos" / name).write_bytes(data + bytes(8))  # no copy of it
    (root / "stand_in").mkdir()
    (root / "stand_in/sitecustomize.py").write_text(STAND_IN)
    settings = {"clip": TINY.model_dump(), "records_per_shard": 4, "max_dropped_share": 0.9}
    settings |= {"train_mixtures": 24, "eval_mixtures": 6, "eval_fraction": 0.3}
    (root / "config.yaml").write_text(json.dumps(settings | {"decode_seconds": 2.0}))
    command(root, "index", "--videos", "videos", "--output", "manifest.csv")
    return root


def command(root, *args, stand_in=False):
    env = dict(os.environ)
    if stand_in:
        env["PYTHONPATH"] = f"{root}/stand_in:{env.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-m", "data_prep", *args],
        cwd=root, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_others_are_made_and_the_two_are_listed(folder, workers):
    output = folder / f"mixtures{workers}"
    command(
        folder, "generate", "--manifest", "manifest.csv", "--output", output.name,
        "--config", "config.yaml", "--workers", workers, stand_in=True,
    )  # fmt: skip
    bad = {video.path for video in manifest.read(str(folder / "manifest.csv"))}
    bad = {path for path in bad if path.endswith(("crash.mp4", "hang.mp4"))}
    assert len(bad) == 2
    with (output / "rejected.csv").open() as file:
        reasons = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons.keys() == bad
    by_name = {path.rpartition("/")[2]: reason for path, reason in reasons.items()}
    assert "killed by signal 11" in by_name["crash.mp4"]
    assert "more than 2 s" in by_name["hang.mp4"]
    info = json.loads((output / "info.json").read_text())
    made = [record for path in output.glob("*/*.tfrecord") for record in read_records(path)]
    dropped = [lost for split in info["splits"].values() for lost in split["dropped"]]
    assert len(made) + len(dropped) == 30
    assert {lost["path"] for lost in dropped} == bad


@pytest.mark.slow
def test_index_lists_a_video_that_crashes_the_decoder(folder, tmp_path):
    (tmp_path / "videos").mkdir()
    shutil.copy(folder / "videos/crash.mp4", tmp_path / "videos")
    shutil.copy(folder / "videos/part0/video0.mp4", tmp_path / "videos")
    command(
        folder, "index", "--videos", f"{tmp_path}/videos", "--output", f"{tmp_path}/manifest.csv",
        stand_in=True,
    )  # fmt: skip
    assert [video.id for video in manifest.read(str(tmp_path / "manifest.csv"))] == ["video0.mp4"]
    [rejection] = manifest.read_rejected(str(tmp_path / "rejected.csv"))
    assert rejection.path == f"{tmp_path}/videos/crash.mp4"
    assert "killed by signal 11" in rejection.reason
