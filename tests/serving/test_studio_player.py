"""What the studio's player gets: panels, in one video, with the choice in words."""

import base64
import zipfile
from dataclasses import replace

import av
import numpy as np
import pytest
from tiny_separator import CLIP

from data_prep.errors import UserError
from data_prep.media.clip import Clip
from data_prep.media.probe import probe
from serving.client import SeparationClient
from serving.separate import Separation
from serving.studio.archive import pack
from serving.studio.mosaic import tile
from serving.studio.player import playing
from serving.studio.shown_videos import main_videos, part_videos
from serving.studio.trial import Trial

SHAPE = (CLIP.frames, CLIP.height, CLIP.width)
GRAY = {"input": 100, "output_1": 40, "output_2": 200}


@pytest.fixture
def separation():
    """A separation of flat gray videos; the audio selects the second output."""
    outputs = np.stack([flat(GRAY["output_1"]), flat(GRAY["output_2"])])
    tone = np.tile(np.array([9000, -9000], np.int16), CLIP.samples // 2)
    return Separation(
        config=CLIP,
        start=0.0,
        clip=Clip(flat(GRAY["input"]), tone, has_audio=True),
        cue=tone,
        outputs=outputs,
        scores=np.array([0.5, 0.25], np.float32),
        chosen=1,
        parts={
            "layers": np.stack([flat(10), flat(20), flat(30)]),
            "coefficients": np.stack([[flat(60)[..., 0]] * 3, [flat(70)[..., 0]] * 3]),
            "masks": np.stack([flat(80)[..., 0]]),
        },
    )


def flat(value):
    return np.full((*SHAPE, 3), value, np.uint8)


def test_panels_show_the_input_outputs_and_parts_in_order(separation):
    main = {panel.name: panel for panel in main_videos(separation)}
    assert {name: panel.frames.mean() for name, panel in main.items()} == GRAY
    assert [panel.chosen for panel in main.values()] == [False, False, True]
    assert [panel.score for panel in main.values()] == [None, 0.5, 0.25]
    parts = {panel.name: panel for panel in part_videos(separation)}
    assert {panel.frames.shape for panel in parts.values()} == {(*SHAPE, 3)}
    assert {name: panel.frames.mean() for name, panel in parts.items()} == {
        **{"layer_1": 10, "layer_2": 20, "layer_3": 30},
        **{f"coefficients_1_{layer}": 60 for layer in (1, 2, 3)},
        **{f"coefficients_2_{layer}": 70 for layer in (1, 2, 3)},
        "mask_1": 80,
    }


def test_a_model_without_parts_has_the_input_and_outputs_alone(separation):
    assert part_videos(replace(separation, parts={})) == []


@pytest.mark.parametrize("count", [1, 2, 3, 5, 14])
def test_a_mosaic_holds_every_video_and_a_margin_around_it(count):
    rng = np.random.default_rng(0)
    videos = [rng.integers(0, 256, (*SHAPE, 3), np.uint8) for _ in range(count)]
    mosaic, places = tile(videos)
    assert len(places) == count
    for video, (left, top) in zip(videos, places, strict=True):
        shown = mosaic[:, top : top + CLIP.height, left : left + CLIP.width]
        np.testing.assert_array_equal(shown, video)
        around = mosaic[:, top - 8 : top + CLIP.height + 8, left - 8 : left + CLIP.width + 8]
        np.testing.assert_array_equal(around[:, 0, 8:-8], video[:, 0])
        np.testing.assert_array_equal(around[:, -1, 8:-8], video[:, -1])


def test_the_player_gets_one_video_with_the_audio_that_selects(separation, tmp_path):
    value = playing(separation)
    kind, _, data = value["video"].partition(",")
    assert kind == "data:video/mp4;base64"
    path = tmp_path / "mosaic.mp4"
    path.write_bytes(base64.b64decode(data))
    info = probe(path)
    assert info.has_audio
    assert info.duration == pytest.approx(CLIP.seconds)
    with av.open(str(path)) as container:
        shown = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])
    shown = shown[:, :: value["scale"], :: value["scale"]]
    panels = {
        f"{group['title']}: {panel['caption']}": shown[
            :,
            panel["top"] : panel["top"] + value["height"],
            panel["left"] : panel["left"] + value["width"],
        ]
        for group in value["groups"]
        for panel in group["panels"]
    }
    assert len(panels) == 13
    for name, gray in (("Input", 100), ("Output 1", 40), ("Output 2", 200)):
        np.testing.assert_allclose(panels[f"Input and outputs: {name}"], gray, atol=3)
    np.testing.assert_allclose(panels["Coefficients of output 2: Layer 3"], 70, atol=3)


def test_the_choice_is_told_in_words(separation):
    assert playing(separation)["status"] == "The audio selects output 2."
    silent = replace(separation, cue=np.zeros_like(separation.cue))
    assert "silent" in playing(silent)["status"]
    assert playing(silent)["silent"]
    free = replace(separation, cue=None, chosen=None, scores=None)
    assert playing(free)["status"] == ""
    assert not playing(free)["silent"]


def test_the_results_are_one_archive(separation, tmp_path):
    path = pack(separation, tmp_path)
    with zipfile.ZipFile(path) as archive:
        videos = [name for name in archive.namelist() if name.endswith(".mp4")]
        archive.extractall(tmp_path / "out")
    assert len(videos) == 4 + 10
    assert {probe(tmp_path / "out" / name).fps for name in videos} == {CLIP.fps}


def test_errors_name_a_file_without_its_folder(tmp_path):
    with SeparationClient("127.0.0.1:1") as client:
        trial = Trial(client, tmp_path)
        error = UserError(f"{tmp_path}/8a/my notes.txt: must be a video of 16/9, got text")
        assert trial.in_words(error) == "my notes.txt: must be a video of 16/9, got text"
