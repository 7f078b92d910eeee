import csv
import json
import re

import numpy as np
import pytest

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_clip
from data_prep.media.probe import probe
from data_prep.sample.write import write_sample


def files(folder):
    """Return the contents of all files by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Two classes of five videos each."""
    folder = tmp_path_factory.mktemp("sample") / "kinetics"
    write_sample(str(folder), clips=10, classes=2, seed=3)
    return folder


def rows(sample, split):
    with (sample / f"{split}.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == ["label", "youtube_id", "time_start", "time_end", "split"]
        return list(reader)


def test_every_annotation_has_its_file_and_every_file_its_annotation(sample):
    annotated = rows(sample, "train") + rows(sample, "validate")
    names = {
        "videos/{label}/{youtube_id}_{0:06d}_{1:06d}.mp4".format(
            int(row["time_start"]), int(row["time_end"]), **row
        )
        for row in annotated
    }
    videos = {path.relative_to(sample).as_posix() for path in sample.rglob("*.mp4")}
    assert names == videos
    assert len(annotated) == len(videos) == 10
    assert all(re.fullmatch(r"[\w-]{11}", row["youtube_id"]) for row in annotated)
    assert len({row["youtube_id"] for row in annotated}) == 10


def test_a_fifth_of_each_class_is_for_validation(sample):
    for split, expected in [("train", 4), ("validate", 1)]:
        labels = [row["label"] for row in rows(sample, split)]
        assert len(set(labels)) == 2
        assert all(labels.count(label) == expected for label in labels)
        assert all(row["split"] == split for row in rows(sample, split))


def test_the_videos_can_be_read(sample):
    for path in sample.rglob("*.mp4"):
        info = probe(path)
        assert info.duration >= 5
        assert 24.9 <= info.fps <= 30.1
        assert 96 <= info.height <= 120
        assert 128 <= info.width <= 160
        assert info.has_audio
    clip = read_clip(path, ClipConfig(), start=info.duration - ClipConfig().seconds)
    assert clip.has_audio
    assert np.abs(clip.audio).max() > 3_000
    assert clip.frames.std() > 30


def test_the_same_seed_gives_the_same_bytes(tmp_path, sample):
    write_sample(str(tmp_path / "again"), clips=4, classes=2, seed=3)
    again = {name: data for name, data in files(tmp_path / "again").items() if "videos" in name}
    assert len(again) == 4
    assert again.items() <= files(sample).items()


def test_another_seed_gives_other_videos(tmp_path, sample):
    write_sample(str(tmp_path / "other"), clips=4, classes=2, seed=4)
    ids = {row["youtube_id"] for row in rows(sample, "train") + rows(sample, "validate")}
    assert not ids & {row["youtube_id"] for row in rows(tmp_path / "other", "train")}
    videos = {path.read_bytes() for path in sample.rglob("*.mp4")}
    assert not videos & {path.read_bytes() for path in (tmp_path / "other").rglob("*.mp4")}


def test_a_finished_sample_is_left_as_it_is(sample):
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    write_sample(str(sample), clips=10, classes=2, seed=3)
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


@pytest.mark.parametrize("other", [{"seed": 4}, {"seed": 3, "colors": "scene"}])
def test_another_sample_is_not_overwritten(sample, other):
    before = files(sample)
    with pytest.raises(UserError, match="holds a sample of other settings"):
        write_sample(str(sample), clips=10, classes=2, **other)
    assert files(sample) == before


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="must be a new or empty folder"):
        write_sample(str(tmp_path), clips=4, classes=2)
    assert files(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(UserError, match="must be a folder, got a file"):
        write_sample(str(tmp_path / "notes.txt"), clips=4, classes=2)


def test_the_leftovers_of_a_killed_run_are_removed(tmp_path):
    output = tmp_path / "sample"
    output.mkdir()
    (tmp_path / ".sample.f00d.partial" / "videos").mkdir(parents=True)
    (tmp_path / ".sample.f00d.partial" / "videos" / "half.mp4").write_bytes(b"half")
    write_sample(str(output), clips=4, classes=2)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]
    assert not list(output.rglob("half.mp4"))
    settings = json.loads((output / "sample.json").read_text())
    assert settings["clips"] == 4
    assert settings["classes"] == 2


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"classes": 1}, "classes: must be from 2 to 16, got 1"),
        ({"classes": 17}, "classes: must be from 2 to 16, got 17"),
        ({"classes": 5, "clips": 9}, "got 9 clips of 5 classes"),
        ({"seed": -1}, "seed: must be from 0 to 4294967295, got -1"),
    ],
)
def test_numbers_out_of_range(tmp_path, settings, match):
    with pytest.raises(UserError, match=match):
        write_sample(str(tmp_path / "sample"), **settings)
    assert not list(tmp_path.iterdir())


def test_a_sample_in_a_remote_store_has_the_same_bytes(tmp_path, memory):
    write_sample(f"{memory}/sample", clips=4, classes=2)
    write_sample(str(tmp_path / "sample"), clips=4, classes=2)
    local = files(tmp_path / "sample")
    remote = storage.list_files(memory)
    assert {uri.removeprefix(f"{memory}/sample/") for uri in remote} == local.keys()
    for name, data in local.items():
        assert storage.read_bytes(f"{memory}/sample/{name}") == data
    write_sample(f"{memory}/sample", clips=4, classes=2)
    with pytest.raises(UserError, match="holds a sample of other settings"):
        write_sample(f"{memory}/sample", clips=4, classes=2, seed=1)
