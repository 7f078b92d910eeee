"""Clips against the ffmpeg command: what is accepted is read as ffmpeg shows it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from odd_recipes import HEALTHY
from odd_reference import differences, shown_by_ffmpeg
from odd_videos import Studio, pictures_at

from data_prep.media.probe import probe

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Studio:
    return Studio(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(autouse=True)
def ffmpeg(require_command: Callable[[str], str]) -> None:
    require_command("ffmpeg")


@pytest.mark.parametrize("name", ["bframes.mp4", "mpeg4_bframes.avi", "open_gop.ts", "raw.avi"])
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


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_file_is_read_as_ffmpeg_shows_it(tmp_path: Path, studio: Studio, name: str):
    path = studio.make(tmp_path / name, HEALTHY[name])
    info = probe(path)
    assert differences(path, shown_by_ffmpeg(path), info.duration) == []
