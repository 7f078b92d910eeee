"""The command `gallery`: real videos and mixtures of them, separated by a pushed model."""

import shutil

import pytest
from click.testing import CliRunner
from damage import damage_last_frame

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.config import ModelConfig
from models.export.saved_model import export
from models.systems import SYSTEMS
from pipeline.commands import main
from pipeline.video_gallery import write_gallery
from serving.versions import find_model

CLIP = ClipConfig(frames=4, fps=8, height=16, width=16, short_side=16, sample_rate=8_000)
BROKEN = "no <b>video.mp4"


def export_untrained(system, folder, labels=()):
    config = ModelConfig(system=system)
    model = SYSTEMS[system].task.build(SYSTEMS[system], config, CLIP, labels)
    export(model, CLIP, str(folder))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A folder of versions whose newest one is an untrained separator that uses audio."""
    folder = tmp_path_factory.mktemp("serving") / "controlled-separator"
    export_untrained("c3_internal", folder / "12")
    (folder / "9").mkdir()
    (folder / "9" / "saved_model.pb").touch()
    (folder / "13").mkdir()
    return folder


@pytest.fixture(scope="module")
def videos(sample_videos, tmp_path_factory):
    """A plain folder of four videos, a file that is no video, and a copy."""
    folder = tmp_path_factory.mktemp("plain") / "videos"
    folder.mkdir()
    chosen = sorted(sample_videos.rglob("*.mp4"))[:4]
    for number, path in enumerate(chosen):
        shutil.copyfile(path, folder / f"video {number}.mp4")
    shutil.copyfile(chosen[0], folder / "video 5, again.mp4")
    (folder / BROKEN).write_text("no video")
    return folder


def test_newest_version_is_used_or_the_one_given(pushed, tmp_path):
    assert find_model(pushed).name == "12"
    assert find_model(pushed / "9").name == "9"
    with pytest.raises(UserError, match="must hold at least one version of a model"):
        find_model(tmp_path)


def test_videos_and_mixtures_of_them_are_shown(pushed, videos, tmp_path):
    words = ["--model", pushed, "--videos", videos, "--output", tmp_path / "out"]
    words += ["--mixtures", 2, "--count", 3]
    done = CliRunner().invoke(main, ["gallery", *map(str, words)])
    assert done.exit_code == 0, done.output
    assert done.output.strip().endswith("index.html")
    page = tmp_path / "out" / "index.html"
    assert {file.name for file in page.parent.iterdir()} == {"index.html", "rejected.csv"}
    text = page.read_text(encoding="utf-8")
    assert "model controlled-separator, version 12" in text
    assert text.count("<article") == 5
    # Each shows what goes in and two outputs; a mixture its two truths too.
    assert text.count("<video") == 3 * 3 + 2 * 5
    assert text.count("l(V1, O") == 2
    for number in (0, 3):
        assert f"<h4>video {number}.mp4</h4>" in text
    assert "no &lt;b&gt;video.mp4" in text
    assert "is text, not a media file" in text
    assert "same file as" in text


def test_annotations_choose_the_videos(pushed, sample_videos, tmp_path):
    header, *rows = (sample_videos.parent / "train.csv").read_text().splitlines()
    chosen = tmp_path / "chosen.csv"
    chosen.write_text("\n".join([header, *rows[:2]]))
    words = ["--model", pushed, "--videos", sample_videos, "--output", tmp_path / "out"]
    words += ["--annotations", chosen, "--mixtures", 0, "--count", 10]
    done = CliRunner().invoke(main, ["gallery", *map(str, words)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out/index.html").read_text(encoding="utf-8").count("<article") == 2


def test_damage_outside_the_windows_does_not_matter(pushed, videos, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copyfile(videos / "video 0.mp4", alone / "a.mp4")
    damage_last_frame(alone / "a.mp4")
    page = write_gallery(pushed, str(alone), tmp_path / "out", mixtures=0, count=1)
    assert "<h4>a.mp4</h4>" in page.read_text(encoding="utf-8")


def test_one_video_is_shown_without_mixtures(pushed, videos, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copyfile(videos / "video 0.mp4", alone / "fence.mp4")
    page = write_gallery(pushed, str(alone), tmp_path / "out", mixtures=2, count=4)
    assert page.read_text(encoding="utf-8").count("<article") == 1


def test_too_few_usable_videos_are_an_error_and_leave_nothing(pushed, videos, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    shutil.copyfile(videos / BROKEN, broken / BROKEN)
    message = r"must hold at least 1 usable videos, got 0; no <b>video"
    with pytest.raises(UserError, match=message):
        write_gallery(pushed, str(broken), tmp_path / "out", mixtures=2, count=4)
    assert not (tmp_path / "out").exists()


def test_nothing_to_show_is_a_wrong_command_line(tmp_path):
    words = ["--model", tmp_path, "--videos", tmp_path, "--output", tmp_path / "out"]
    words += ["--mixtures", 0, "--count", 0]
    done = CliRunner().invoke(main, ["gallery", *map(str, words)])
    assert done.exit_code == 2
    assert "got 0 for both" in done.output


def test_classifier_is_refused(videos, tmp_path):
    export_untrained("i3d", tmp_path / "classifier" / "1", labels=["a", "b"])
    with pytest.raises(UserError, match="must be a system that separates, got i3d"):
        write_gallery(tmp_path / "classifier", str(videos), tmp_path / "out", mixtures=2, count=4)
    assert not (tmp_path / "out").exists()
