import csv
import json
import re
from itertools import pairwise

import numpy as np
import pytest

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.reading import probe, read_clip
from data_prep.sample.scenes import MAX_CLASSES, render, scene_classes
from data_prep.sample.write import write_sample


def files(folder):
    """Contents by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Two classes of five videos each."""
    folder = tmp_path_factory.mktemp("sample") / "kinetics"
    write_sample(folder, clips=10, classes=2, seed=3)
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
        assert info.has_sound
    clip = read_clip(path, ClipConfig(), start=info.duration - ClipConfig().seconds)
    assert clip.has_sound
    assert np.abs(clip.sound).max() > 3_000
    assert clip.frames.std() > 30


def test_the_same_seed_gives_the_same_bytes(tmp_path, sample):
    write_sample(tmp_path / "again", clips=4, classes=2, seed=3)
    again = {name: data for name, data in files(tmp_path / "again").items() if "videos" in name}
    assert len(again) == 4
    assert again.items() <= files(sample).items()


def test_another_seed_gives_other_videos(tmp_path, sample):
    write_sample(tmp_path / "other", clips=4, classes=2, seed=4)
    ids = {row["youtube_id"] for row in rows(sample, "train") + rows(sample, "validate")}
    assert not ids & {row["youtube_id"] for row in rows(tmp_path / "other", "train")}
    videos = {path.read_bytes() for path in sample.rglob("*.mp4")}
    assert not videos & {path.read_bytes() for path in (tmp_path / "other").rglob("*.mp4")}


def test_a_finished_sample_is_left_as_it_is(sample):
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    write_sample(sample, clips=10, classes=2, seed=3)
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_another_sample_is_not_overwritten(sample):
    before = files(sample)
    with pytest.raises(UserError, match="holds a sample of other settings"):
        write_sample(sample, clips=10, classes=2, seed=4)
    assert files(sample) == before


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="must be new or empty"):
        write_sample(tmp_path, clips=4, classes=2)
    assert files(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(UserError, match="must be new or empty"):
        write_sample(tmp_path / "notes.txt", clips=4, classes=2)


def test_what_a_killed_run_left_is_cleared_away(tmp_path):
    output = tmp_path / "sample"
    output.mkdir()
    (tmp_path / ".sample.partial" / "videos").mkdir(parents=True)
    (tmp_path / ".sample.partial" / "videos" / "half.mp4").write_bytes(b"half")
    write_sample(output, clips=4, classes=2)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]
    assert not list(output.rglob("half.mp4"))
    settings = json.loads((output / "sample.json").read_text())
    assert settings["clips"] == 4
    assert settings["classes"] == 2


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"classes": 1}, "classes must be from 2 to 16: received 1"),
        ({"classes": 17}, "classes must be from 2 to 16: received 17"),
        ({"classes": 5, "clips": 9}, "received 9 clips of 5 classes"),
        ({"seed": -1}, "seed must be from 0 to 4294967295: received -1"),
    ],
)
def test_numbers_out_of_range(tmp_path, settings, match):
    with pytest.raises(UserError, match=match):
        write_sample(tmp_path / "sample", **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", range(2, MAX_CLASSES + 1))
def test_classes_differ(count):
    classes = scene_classes(count)
    assert len({scene.label for scene in classes}) == count
    assert len({scene.hue for scene in classes}) == count
    octaves = np.diff(sorted(np.log2(scene.pitch) for scene in classes))
    np.testing.assert_allclose(octaves, 4 / count)


def mean_hue(frames):
    """The circular mean of hue, weighted by chroma, in [0, 1)."""
    red, green, blue = np.moveaxis(frames[::20] / 255.0, -1, 0)
    vector = red + green * np.exp(2j * np.pi / 3) + blue * np.exp(4j * np.pi / 3)
    return np.angle(vector.sum()) / (2 * np.pi) % 1


def test_colours_stay_within_their_class():
    classes = scene_classes(8)
    for index, scene in enumerate(classes):
        for seed in range(2):
            hue = mean_hue(render(scene, (seed, index)).frames)
            distances = [abs((hue - other.hue + 0.5) % 1 - 0.5) for other in classes]
            assert np.argmin(distances) == index


def test_the_sound_is_of_the_class_s_pitch():
    for index, scene in enumerate(scene_classes(4)):
        sound = render(scene, (0, index)).sound.astype(float)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        peak = spectrum.argmax() * 22_050 / len(sound)
        assert abs(np.log2(peak / scene.pitch)) < 0.5


def test_the_sound_is_struck_when_the_disc_bounces():
    """The disc is brighter than all else: its lowest moments are the loudest ones."""
    rendered = render(scene_classes(8)[0], (0, 0))
    bright = (rendered.frames.min(-1) > 150).astype(float)
    rows = np.arange(bright.shape[1])
    height = (bright.sum(2) @ rows) / bright.sum((1, 2))
    times = (np.arange(len(height) + 1) / rendered.fps * rendered.sample_rate).astype(int)
    loudness = np.array([np.abs(rendered.sound[a:b]).mean() for a, b in pairwise(times)])
    onsets = np.flatnonzero(np.diff(loudness) > 0.5 * np.diff(loudness).max()) + 1
    assert len(onsets) >= 6
    lowest = [height[max(0, k - 2) : k + 3].max() for k in onsets]
    assert min(lowest) > np.quantile(height, 0.75)
