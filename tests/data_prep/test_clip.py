import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from small_videos import RATE, click, click_time, config, encode, gray, numbered, numbers

from data_prep.config import ClipConfig
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.decoding import MediaError
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe

# Which frames


def test_frames_of_the_same_rate_come_one_by_one(plain):
    clip = read_clip(plain, config(50), start=0)
    assert clip.frames.shape == (50, 32, 32, 3)
    assert clip.frames.dtype == np.uint8
    assert numbers(clip.frames) == list(range(50))


@pytest.mark.parametrize("first", [0, 1, 17, 39])
def test_a_window_begins_where_it_is_asked_to(plain, first):
    clip = read_clip(plain, config(10), start=first / 25)
    assert numbers(clip.frames) == list(range(first, first + 10))


@pytest.mark.parametrize("keyframes", [1, 7, 250])
def test_seeking_does_not_change_the_frames(tmp_path, keyframes):
    path = tmp_path / "video.mkv"
    encode(path, numbered(60), range(0, 2400, 40), keyframes=keyframes)
    for first in (0, 13, 30, 50):
        assert numbers(read_clip(path, config(10), start=first * 0.04).frames) == list(
            range(first, first + 10)
        )


@pytest.mark.parametrize("fps", [10.0, 15.0, 30.0, 50.0])
def test_other_rates_keep_the_speed(plain, fps):
    start = 0.2
    clip = read_clip(plain, config(12, fps), start=start)
    shown = np.floor((start + np.arange(12) / fps) * 25 + 1e-6).astype(int)
    assert numbers(clip.frames) == shown.tolist()


def test_a_low_rate_with_a_coarse_clock_repeats_frames(tmp_path):
    path = tmp_path / "video.avi"
    encode(path, numbered(20), range(20), codec="ffv1", fps=15, time_base=Fraction(1, 15))
    clip = read_clip(path, config(25), start=0)
    assert numbers(clip.frames) == [k * 15 // 25 for k in range(25)]


@pytest.mark.parametrize("keyframes", [5, 250])
def test_reordered_frames_without_timestamps_come_in_order(tmp_path, keyframes):
    """AVI has no presentation times, and x264 reorders frames by default."""
    path = tmp_path / "video.avi"
    encode(path, numbered(50), range(50), keyframes=keyframes, time_base=Fraction(1, 25))
    assert probe(path).duration == pytest.approx(2.0)
    for first in (0, 1, 17, 40):
        frames = read_clip(path, config(10), start=first / 25).frames
        assert numbers(frames) == list(range(first, first + 10))


def test_variable_rates_go_by_timestamps(tmp_path):
    path = tmp_path / "video.mp4"
    stamps = np.cumsum([0, *np.random.default_rng(0).integers(10, 120, 29)])
    encode(path, numbered(30), stamps.tolist())
    times = 200 + 40 * np.arange(20)
    shown = np.searchsorted(stamps, times + 0.01, side="right") - 1
    assert numbers(read_clip(path, config(20), start=0.2).frames) == shown.tolist()


def test_time_begins_with_the_first_frame(tmp_path):
    path = tmp_path / "video.mkv"
    encode(path, numbered(40), range(5000, 6600, 40), audio=click(1.6, 0.8), audio_start=5.0)
    assert probe(path).duration == pytest.approx(1.6, abs=0.005)
    clip = read_clip(path, config(20), start=0.6)
    assert numbers(clip.frames) == list(range(15, 35))
    assert click_time(clip.audio) == pytest.approx(0.2, abs=2e-3)


# What a frame looks like


def corners(height, width):
    """Four colors in the corners: red, green / blue, white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2, 0] = 255
    pixels[: height // 2, width // 2 :, 1] = 255
    pixels[height // 2 :, : width // 2, 2] = 255
    pixels[height // 2 :, width // 2 :] = 255
    return pixels


def corner_names(frame):
    """The corners' colors, in reading order."""
    height, width, _ = frame.shape
    points = [(y, x) for y in (height // 8, -height // 8) for x in (width // 8, -width // 8)]
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    return "".join(names[tuple((frame[p] > 127).astype(int))] for p in points)


@pytest.mark.parametrize(
    ("rotation", "expected"), [(0, "rgbw"), (90, "gwrb"), (180, "wbgr"), (-90, "brwg")]
)
def test_rotation_flags_are_followed(tmp_path, rotation, expected):
    path = tmp_path / "video.mp4"
    encode(path, np.stack([corners(64, 96)] * 10), range(0, 400, 40), rotation=rotation)
    info = probe(path)
    assert (info.width, info.height) == ((64, 96) if rotation % 180 else (96, 64))
    whole = ClipConfig(frames=5, height=48, width=48, short_side=48, sample_rate=RATE)
    assert corner_names(read_clip(path, whole, start=0).frames[0]) == expected


def test_pixels_become_square(tmp_path):
    path = tmp_path / "video.mp4"
    encode(path, np.stack([corners(64, 64)] * 10), range(0, 400, 40), aspect=Fraction(2, 1))
    info = probe(path)
    assert (info.width, info.height) == (128, 64)
    # 96x48 once scaled: the left half is all of the left colors, the middle is half and half.
    left = read_clip(path, config(5, side=48), start=0, crop=(0.5, 0)).frames[0]
    middle = read_clip(path, config(5, side=48), start=0, crop=(0.5, 0.5)).frames[0]
    assert corner_names(left) == "rrbb"
    assert corner_names(middle) == "rgbw"


def test_the_crop_goes_from_one_edge_to_the_other(tmp_path):
    ramp = np.zeros((48, 96, 3), np.uint8)
    ramp[...] = np.linspace(20, 220, 96)[:, np.newaxis]
    path = tmp_path / "video.mp4"
    write_video(path, np.stack([ramp] * 5), fps=25)
    for left, first in [(0.0, 0), (0.5, 32), (1.0, 64), (0.25, 16)]:
        clip = read_clip(path, config(3, side=32), start=0, crop=(0.0, left))
        np.testing.assert_allclose(clip.frames[0][5], ramp[5, first : first + 32], atol=4)


def test_scaling_averages_areas(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1, 96, 96, 1)).astype(np.uint8)
    noise = np.repeat(np.repeat(noise, 3, axis=-1), 3, axis=0)
    path = tmp_path / "video.mp4"
    write_video(path, noise, fps=25)
    clip = read_clip(path, config(2, side=32, short_side=32), start=0)
    means = noise[0, ..., 0].reshape(32, 3, 32, 3).mean((1, 3))
    assert np.abs(clip.frames[0].mean(-1) - means).mean() < 3


@pytest.mark.parametrize(("height", "width"), [(2, 1600), (1600, 2), (1, 1), (38, 1030)])
def test_extreme_shapes_are_cropped(tmp_path, height, width):
    path = tmp_path / "video.mkv"
    frames = numbered(5, max(2, height), max(2, width))[:, :height, :width]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", 25, width=width, height=height, pix_fmt="bgr0")
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    clip = read_clip(path, config(5), start=0, crop=(0.9, 0.1))
    assert numbers(clip.frames) == list(range(5))


# Streams


def test_streams_are_those_that_the_ffmpeg_command_chooses(tmp_path):
    """The default one, though it is not the first, and else the one with more pixels."""
    path = tmp_path / "video.mkv"
    levels = {(48, 64): 50, (96, 128): 150, (64, 64): 250}
    with av.open(str(path), "w") as container:
        videos = {
            size: container.add_stream("ffv1", 25, height=size[0], width=size[1], pix_fmt="bgr0")
            for size in levels
        }
        tracks = [container.add_stream("pcm_s16le", RATE, layout="mono") for _ in range(2)]
        for stream in (*videos.values(), tracks[0]):
            stream.disposition = Disposition(0)
        tracks[1].disposition = Disposition.default
        for (height, width), stream in videos.items():
            for _ in range(10):
                pixels = gray(levels[height, width], height, width)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
            container.mux(stream.encode(None))
        for stream, at in zip(tracks, (0.1, 0.3), strict=True):
            frame = av.AudioFrame.from_ndarray(click(0.4, at)[np.newaxis], "s16", "mono")
            frame.sample_rate, frame.pts = RATE, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    info = probe(path)
    assert (info.height, info.video_stream, info.audio_stream) == (96, 1, 4)
    clip = read_clip(path, config(10), start=0)
    assert clip.frames.mean() == pytest.approx(150, abs=1)
    assert click_time(clip.audio) == pytest.approx(0.3, abs=2e-3)


# Audio


@pytest.mark.parametrize("start", [0.0, 0.31, 0.9, 1.2])
def test_audio_is_that_of_the_window(plain, start):
    clip = read_clip(plain, config(18), start=start)
    assert clip.has_audio
    assert clip.audio.shape == (config(18).samples,)
    assert clip.audio.dtype == np.int16
    if 0 < 1.3 - start < 18 / 25:
        assert click_time(clip.audio) == pytest.approx(1.3 - start, abs=1e-3)
    else:
        assert np.abs(clip.audio).max() < 2_000


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_audio_is_resampled(plain, rate):
    audio = read_audio(plain, start=0.5, samples=rate, sample_rate=rate)
    assert audio.shape == (rate,)
    assert click_time(audio, rate) == pytest.approx(0.8, abs=1e-3)


def test_audio_may_begin_late_and_end_early(tmp_path):
    path = tmp_path / "video.mp4"
    encode(path, numbered(60), range(0, 2400, 40), audio=click(1, 0.5), audio_start=0.7)
    clip = read_clip(path, config(50), start=0.2)
    assert clip.has_audio
    assert click_time(clip.audio) == pytest.approx(1.0, abs=1e-3)
    assert not clip.audio[: round(0.4 * RATE)].any()
    assert not clip.audio[round(1.7 * RATE) :].any()
    before = read_clip(path, config(10), start=0.1)
    assert not before.has_audio
    assert not before.audio.any()
    assert not read_clip(path, config(10), start=2.0).has_audio


def test_a_video_without_audio_is_silent(tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, numbered(20), fps=25)
    assert not probe(path).has_audio
    clip = read_clip(path, config(10), start=0)
    assert not clip.has_audio
    assert clip.audio.shape == (config(10).samples,)
    assert not read_audio(path, start=0, samples=100, sample_rate=RATE).any()


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.m4a", "aac")])
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_files_with_audio_only(tmp_path, name, codec, rate):
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate, layout="stereo")
        samples = np.repeat(click(2, 1.3, rate), 2)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    read = read_audio(path, start=1.0, samples=3 * RATE, sample_rate=RATE)
    assert click_time(read) == pytest.approx(0.3, abs=1e-3)
    assert not read[round(1.1 * RATE) :].any()
    with pytest.raises(MediaError, match="has no video track"):
        probe(path)
    with pytest.raises(MediaError, match="has no video track"):
        read_clip(path, config(), start=0)


def test_stereo_is_mixed_down(tmp_path):
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", RATE, layout="stereo")
        stereo = np.stack([np.full(RATE, 8000), np.full(RATE, 2000)], -1).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(stereo.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    audio = read_audio(path, start=0, samples=RATE, sample_rate=RATE)
    np.testing.assert_allclose(audio, 5000, atol=2)


# Windows


def test_a_window_past_the_end_is_an_error(plain):
    read_clip(plain, config(10), start=2.0 - 0.4)
    with pytest.raises(MediaError, match=r"ends at 2\.00 s, before the window from 1\.70 s"):
        read_clip(plain, config(10), start=1.7)
    with pytest.raises(MediaError, match=r"ends at 2\.00 s"):
        read_clip(plain, config(10), start=60.0)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [({"start": -1}, "start"), ({"start": 0, "crop": (0.5, 1.5)}, "crop")],
)
def test_arguments_out_of_range(plain, arguments, match):
    with pytest.raises(ValueError, match=match):
        read_clip(plain, config(), **arguments)


def test_frames_are_those_of_the_ffmpeg_command(plain, require_command):
    command = [
        require_command("ffmpeg"),
        "-v",
        "error",
        "-ss",
        "0.4",
        "-i",
        plain,
        "-frames:v",
        "10",
    ]
    filters = ["-vf", "scale=64:48:flags=area,crop=32:32", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    raw = subprocess.run([*command, *filters, "-"], capture_output=True, check=True).stdout
    expected = np.frombuffer(raw, np.uint8).reshape(10, 32, 32, 3)
    clip = read_clip(plain, config(10), start=0.4)
    assert np.abs(clip.frames.astype(int) - expected).max() <= 3
