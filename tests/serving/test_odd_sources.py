"""Sources whose frame times vary, which are turned, or which have no audio."""

import subprocess

import av
import numpy as np
import pytest
from halving_separator import HalvingSeparator
from turned_videos import turn

from data_prep.media.clip import read_audio
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.media.whole_video import read_whole
from serving.separation.opened_run import opened_run

FPS, SECONDS, RATE = 30, 4, 16_000
CLICK = 2.5  # seconds


@pytest.fixture(scope="module")
def regular(tmp_path_factory):
    """Write a video whose brightness is its time, and whose audio clicks once."""
    path = tmp_path_factory.mktemp("regular") / "video.mp4"
    levels = 20 + 50 * np.arange(SECONDS * FPS) / FPS
    frames = np.broadcast_to(levels[:, None, None, None], (len(levels), 48, 64, 3))
    audio = np.zeros(SECONDS * RATE, np.int16)
    audio[int(CLICK * RATE) :][:320] = 20_000
    write_video(path, frames.astype(np.uint8), fps=FPS, audio=audio, sample_rate=RATE)
    return path


def converted(source, target, *options):
    command = ["ffmpeg", "-v", "error", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target


def separated(video, output):
    with opened_run(HalvingSeparator(), str(video), str(output)) as run:
        run.complete()
    return output / "output_1.mp4"


def click_of(path):
    heard = read_audio(path, start=0, samples=SECONDS * RATE, sample_rate=RATE).astype(int)
    return np.flatnonzero(np.abs(heard) > 5_000)[0] / RATE


@pytest.mark.parametrize(
    "dropped",
    [
        "mod(n,7)*mod(n,5)",  # single frames
        "lt(t,1)+gt(t,2.2)",  # more than a second at once
        "lt(t,2)+not(mod(n,4))",  # a lower rate from the middle on
    ],
)
def test_frame_times_that_vary_are_kept_within_a_frame(regular, tmp_path, dropped):
    options = ("-vf", f"select='{dropped}'", "-fps_mode", "vfr", "-c:a", "copy")
    video = converted(regular, tmp_path / "varying.mp4", *options)
    with av.open(str(video)) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert len(set(np.diff(times).round(3))) > 1
    made = separated(video, tmp_path / "out")
    source, result = probe(video), probe(made)
    frame = 1 / result.fps
    assert result.duration == pytest.approx(source.duration, abs=frame)
    assert click_of(made) == pytest.approx(CLICK, abs=frame)
    shown = np.arange(0, source.duration - frame, 0.1)
    brightness = [
        np.array([f.mean() for f in read_whole(path, shown, height=48, width=64)])
        for path in (video, made)
    ]
    # A frame that the source shows late or early by at most one of the output's frames.
    slack = 50 * (frame + np.diff(times).max()) + 3
    np.testing.assert_allclose(*brightness, atol=slack)
    assert np.median(np.abs(brightness[0] - brightness[1])) < 50 * frame + 3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_is_upright(regular, tmp_path, degrees):
    marked = converted(regular, tmp_path / "marked.mp4", "-vf", "drawbox=0:0:16:16:red:fill")
    turned = turn(marked, degrees)
    made = separated(turned, tmp_path / "out")
    info = probe(made)
    assert (info.height, info.width) == ((64, 48) if degrees % 180 else (48, 64))
    (upright,) = read_whole(turned, np.array([1.0]), height=info.height, width=info.width)
    (frame,) = read_whole(made, np.array([1.0]), height=info.height, width=info.width)
    assert np.abs(upright.astype(int) - frame).mean() < 4
    with av.open(str(made)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_a_video_without_audio_gives_none(regular, tmp_path):
    mute = converted(regular, tmp_path / "mute.mp4", "-c", "copy", "-an")
    made = separated(mute, tmp_path / "out")
    info = probe(made)
    assert not info.has_audio
    assert info.duration == pytest.approx(SECONDS, abs=1e-3)
