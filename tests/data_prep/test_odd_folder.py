"""The command line on a folder of good, odd and hostile files: all is used rightly or mentioned."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from odd_damage import CLOCKS, CODECS, CUTS, DAMAGED, LOSSES
from odd_hostile import HOSTILE
from odd_places import GOOD, NAMES, PLACES, UNWRITABLE, everything, fill
from odd_reasons import is_for_people
from odd_videos import Studio, pictures_at

from data_prep.config import ClipConfig
from data_prep.records.dataset import Dataset
from data_prep.records.record import decode
from data_prep.sources import manifest
from data_prep.sources.kinetics import Rejection
from data_prep.sources.videos import Video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLIP = ClipConfig(frames=4, fps=8, height=48, width=48, short_side=48, sample_rate=8_000)
MIXTURES = {"train": 60, "eval": 20}
SECONDS = 240  # after which a command hangs
SILENT = ("odd/silent.mp4", "odd/whisper.avi")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    command = [sys.executable, "-m", "data_prep", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("odd") / "videos"
    root.mkdir()
    fill(root, Studio(tmp_path_factory.mktemp("inputs")))
    return root


@pytest.fixture(scope="module")
def indexed(folder: Path) -> tuple[list[Video], list[Rejection]]:
    output = folder.parent / "indexed" / "manifest.csv"
    done = run("index", "--videos", folder, "--output", output)
    videos = manifest.read(str(output))
    rejections = manifest.read_rejected(str(output.parent / manifest.REJECTED))
    assert f"{len(videos)} videos" in done.stdout
    return videos, rejections


@pytest.fixture(autouse=True)
def ffmpeg(require_command: Callable[[str], str]) -> None:
    require_command("ffmpeg")


def printed(path: Path) -> str:
    r"""A path as a CSV in UTF-8 can hold it, with `\xe9` for a byte that is none."""
    return os.fsencode(path).decode(errors="backslashreplace")


def test_everything_is_used_or_rejected_once(folder: Path, indexed):
    videos, rejections = indexed
    mentioned = [video.path for video in videos] + [item.path for item in rejections]
    assert sorted(mentioned) == sorted(set(mentioned))
    expected = {printed(path) for path in everything(folder)}
    assert expected - set(mentioned) == set()
    assert {path for path in mentioned if not path.startswith(f"{folder}/")} == set()


def test_reasons_are_for_people(indexed):
    _, rejections = indexed
    assert [item for item in rejections if not is_for_people(item.reason)] == []


def test_good_videos_are_used_whatever_their_names(folder: Path, indexed):
    videos, rejections = indexed
    used = {video.path for video in videos}
    good = {str(folder / "good" / name) for name in GOOD}
    named = {str(folder / os.fsdecode(name)) for name in NAMES}
    expected = good | named | {str(folder / "album.mkv" / "inside.mp4")}
    assert [item for item in rejections if item.path in expected] == []
    assert expected - used == set()
    assert all(Path(video.path).stat().st_size == video.bytes for video in videos)


def test_what_is_no_video_is_not_used(folder: Path, indexed):
    videos, _ = indexed
    used = {video.path for video in videos}
    odd = [f"odd/{name}" for name, recipe in (DAMAGED | HOSTILE).items() if recipe.rejected]
    refused = {str(folder / name) for name in (*PLACES, *odd)}
    assert refused & used == set()
    assert {printed(folder / os.fsdecode(name)) for name in UNWRITABLE} & used == set()
    if not os.access(folder / "unreadable.mp4", os.R_OK):
        assert str(folder / "unreadable.mp4") not in used


def test_mixtures_of_the_folder_show_what_was_encoded(folder: Path, indexed):
    output = folder.parent / "mixtures"
    settings = folder.parent / "settings.yaml"
    counts = {f"{split}_mixtures": count for split, count in MIXTURES.items()}
    settings.write_text(yaml.safe_dump({"clip": CLIP.model_dump(), **counts}))
    run("generate", "--videos", folder, "--output", output, "--config", settings)
    info = Dataset(str(output)).read_info()
    assert {name: split.mixtures for name, split in info.splits.items()} == MIXTURES
    assert [split.dropped for split in info.splits.values() if split.dropped] == []
    rejected = manifest.read_rejected(str(output / manifest.REJECTED))
    unused = [item for item in rejected if "a clip needs" not in item.reason]  # not too short
    assert unused == indexed[1]
    records = tf.data.TFRecordDataset(sorted(map(str, output.glob("*/*.tfrecord"))))
    values = [decode(record, CLIP) for record in records.as_numpy_iterator()]
    assert [value["v1_id"] for value in values if value["v1_id"] in SILENT] == []
    clips = [(value, number) for value in values for number in "12"]
    shown = [(value, number) for value, number in clips if is_known(value[f"v{number}_id"])]
    assert len(shown) > len(clips) / 2
    wrong = [value[f"v{number}_id"] for value, number in shown if is_wrong(value, number)]
    assert wrong == []


def is_known(name: str) -> bool:
    """Whether a video shows the pictures of `pictures_at("25", 2.4)` and no others."""
    damaged = {f"odd/{odd}" for odd in CUTS | LOSSES | CLOCKS | CODECS if odd != "resized.ts"}
    return name in damaged | {f"good/{good}" for good in GOOD} | {os.fsdecode(n) for n in NAMES}


def is_wrong(value: dict, number: str) -> bool:
    """Whether a frame of a clip is none that was encoded."""
    left = round(value[f"v{number}_left"] * 16)
    known = pictures_at("25", 2.4)[:, :, left : left + 48].astype(int)
    errors = [
        np.abs(known - frame.astype(int)).mean((1, 2, 3)).min() for frame in value[f"v{number}"]
    ]
    return max(errors) > 20
