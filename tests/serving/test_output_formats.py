"""Outputs in every format, as ffprobe and a decoder see them."""

import json
import subprocess

import av
import numpy as np
import pytest
from halving_separator import HalvingSeparator
from PIL import Image

from data_prep.errors import UserError
from data_prep.media.clip import read_audio
from data_prep.media.encoding import write_video
from serving.separation import separation_run
from serving.separation.opened_run import opened_run

FPS, COUNT = 24, 50
SIZES = [(48, 80), (51, 77)]


def frames(height, width):
    """Return frames of a brightness that tells which one it is."""
    levels = (60 + 3 * np.arange(COUNT)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (COUNT, height, width, 3)).copy()


@pytest.fixture(params=SIZES, ids=["even", "odd"])
def video(request, tmp_path):
    """Write a video with a click at one second."""
    height, width = request.param
    audio = np.zeros(2 * 16_000, np.int16)
    audio[16_000:16_320] = 20_000
    path = tmp_path / "video.mp4"
    write_video(path, frames(height, width), fps=FPS, audio=audio, sample_rate=16_000)
    odd = tmp_path / "odd.mkv"
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-i", path, "-vf", f"crop={width}:{height}:0:0:exact=1"),
            *("-c:v", "ffv1", "-pix_fmt", "gbrp", "-c:a", "copy", odd),
        ],
        check=True,
        timeout=60,
    )
    return str(odd), height, width


def separated(video, output, name, **options):
    with opened_run(HalvingSeparator(**options), video, str(output), output_format=name) as run:
        return run.complete()


def probed(path):
    command = ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json", path]
    text = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return {stream["codec_type"]: stream for stream in json.loads(text)["streams"]}


def levels(path):
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24").mean() for f in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "suffix", "codec", "pixels", "audio", "even"),
    [
        ("mp4", ".mp4", "h264", "yuv420p", "aac", True),
        ("prores", ".mov", "prores", "yuv444p10le", "aac", False),
        ("vp9", ".webm", "vp9", "yuv420p", "opus", True),
    ],
)
def test_a_format_has_its_codecs_and_every_frame(
    video, tmp_path, monkeypatch, name, suffix, codec, pixels, audio, even
):
    monkeypatch.setattr(separation_run, "_PART_SECONDS", 0.5)
    path, height, width = video
    names = separated(path, tmp_path / "out", name)
    assert names == [f"output_1{suffix}", f"output_2{suffix}"]
    for index, file in enumerate(names):
        streams = probed(tmp_path / "out" / file)
        shown = streams["video"]
        assert (shown["codec_name"], shown["pix_fmt"]) == (codec, pixels)
        if even:
            height, width = height + height % 2, width + width % 2
        assert (shown["height"], shown["width"]) == (height, width)
        assert shown["avg_frame_rate"] == f"{FPS}/1"
        assert int(shown["nb_read_frames"]) == COUNT
        assert streams["audio"]["codec_name"] == audio
        expected = (60 + 3 * np.arange(COUNT)) / (1 + index)
        np.testing.assert_allclose(levels(tmp_path / "out" / file), expected, atol=2.5)
        heard = read_audio(tmp_path / "out" / file, start=0, samples=32_000, sample_rate=16_000)
        loud = np.flatnonzero(np.abs(heard.astype(int)) > 5_000)
        assert loud[0] + 700 >= 16_000
        assert loud[-1] <= 16_320 + 700
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(names)


def test_images_are_numbered_and_exact(video, tmp_path, monkeypatch):
    monkeypatch.setattr(separation_run, "_PART_SECONDS", 0.5)
    path, height, width = video
    with pytest.raises(UserError, match="gone"):
        separated(path, tmp_path / "out", "png", fails_at=4)
    assert separated(path, tmp_path / "out", "png") == ["output_1", "output_2"]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"output_1", "output_2"}
    for name in ("output_1", "output_2"):
        images = sorted((tmp_path / "out" / name).iterdir())
        assert [image.name for image in images] == [f"{k:08}.png" for k in range(COUNT)]
    first = np.stack(
        [np.asarray(Image.open(p)) for p in sorted((tmp_path / "out/output_1").iterdir())]
    )
    assert first.shape == (COUNT, height, width, 3)
    np.testing.assert_allclose(first.mean((1, 2, 3)), 60 + 3 * np.arange(COUNT), atol=2.5)


def test_a_run_does_not_resume_in_another_format(video, tmp_path):
    with pytest.raises(UserError, match="gone"):
        separated(video[0], tmp_path / "out", "png", fails_at=2)
    with pytest.raises(UserError, match="whose output_format must be the same, png, got vp9"):
        separated(video[0], tmp_path / "out", "vp9")
