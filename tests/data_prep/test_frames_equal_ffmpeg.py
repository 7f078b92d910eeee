"""Clips against the ffmpeg command: what is accepted is read as ffmpeg shows it."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from odd_damage import DAMAGED, FLIPS, SHAPES, base
from odd_hostile import CLAIMS, HOSTILE, NEIGHBOR
from odd_reasons import is_for_people
from odd_recipes import HEALTHY
from odd_reference import differences, shown_by_ffmpeg
from odd_videos import Studio, pictures_at

from data_prep.media.decoding import MediaError
from data_prep.media.probe import probe

ODD = DAMAGED | HOSTILE
FEW = ("bframes.mp4", "mpeg4_bframes.avi", "open_gop.ts", "raw.avi")

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Studio:
    return Studio(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(autouse=True)
def ffmpeg(require_command: Callable[[str], str]) -> None:
    require_command("ffmpeg")


@pytest.mark.parametrize("name", FEW)
def test_ffmpeg_shows_the_frames_that_were_encoded(tmp_path: Path, studio: Studio, name: str):
    """Were the reference wrong, the tests below would show nothing."""
    recipe = HEALTHY[name]
    shown = shown_by_ffmpeg(studio.make(tmp_path / name, recipe))
    encoded = pictures_at(recipe.rate, recipe.seconds)[:, :, 8:56]
    assert shown.frames.shape == encoded.shape
    assert np.abs(shown.frames.astype(int) - encoded).mean() < 6
    others = np.abs(shown.frames.astype(int) - np.roll(encoded, 1, axis=0)).mean((1, 2, 3))
    assert others.min() > 15
    np.testing.assert_allclose(np.diff(shown.times), 1 / 25, atol=1e-3)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in HEALTHY],
)
def test_a_healthy_file_is_read_as_ffmpeg_shows_it(tmp_path: Path, studio: Studio, name: str):
    path = studio.make(tmp_path / name, HEALTHY[name])
    info = probe(path)
    assert differences(path, shown_by_ffmpeg(path), info.duration) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_refused_with_a_reason_or_read_as_ffmpeg_shows_it(
    tmp_path: Path, studio: Studio, name: str
):
    """What can't be used is refused by `probe`; what it accepts is correct and whole."""
    path, neighbor = tmp_path / name, tmp_path / NEIGHBOR
    neighbor.write_bytes(base("bframes.mp4", studio))
    ODD[name].make(path, studio)
    try:
        info = probe(path)
    except MediaError as error:
        assert is_for_people(error.reason)
        assert re.search(ODD[name].reason, error.reason, re.IGNORECASE)
        return
    assert not ODD[name].rejected, info
    shown = shown_by_ffmpeg(path) or shown_by_ffmpeg(neighbor)
    known = pictures_at("25", 2.4)[:, :, 8:56]
    if name in SHAPES | CLAIMS or (name in FLIPS and not shown.complaints):
        known = None  # other pictures; a decoder can't notice every bit
    assert differences(path, shown, info.duration, known) == []
