"""Whole videos: all their frames are read, and written in parts that are joined with the audio."""

import subprocess
from itertools import pairwise

import av
import numpy as np
import pytest
from turned_videos import turn

from data_prep.media.clip import read_audio
from data_prep.media.decoding import MediaError
from data_prep.media.encoding import write_video, writing_video
from data_prep.media.joining import join_videos
from data_prep.media.probe import probe
from data_prep.media.whole_video import read_whole

FPS, COUNT, HEIGHT, WIDTH, RATE = 30, 90, 48, 80, 16_000


def rising(count=COUNT, height=HEIGHT, width=WIDTH):
    """Return frames whose brightness rises by 2, with a dark left half."""
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[...] = (40 + 2 * np.arange(count))[:, None, None, None]
    frames[:, :, : width // 2] //= 2
    return frames


def click_audio(seconds):
    """Return audio that is silent except for a click of 20 ms at one second."""
    audio = np.zeros(int(seconds * RATE), np.int16)
    audio[RATE : RATE + RATE // 50] = 20_000
    return audio


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "video.mp4"
    write_video(path, rising(), fps=FPS, audio=click_audio(3), sample_rate=RATE)
    return path


def converted(video, tmp_path, name, *options):
    """Convert a video with the ffmpeg command."""
    path = tmp_path / name
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(video), *options, str(path)], check=True, timeout=60
    )
    return path


def levels(frames):
    return np.array([frame[:, -4:].mean() for frame in frames])


def test_every_frame_is_read_once_and_whole(video):
    frames = list(read_whole(video, np.arange(COUNT) / FPS, height=HEIGHT, width=WIDTH))
    np.testing.assert_allclose(levels(frames), 40 + 2 * np.arange(COUNT), atol=2)
    assert frames[50].shape == (HEIGHT, WIDTH, 3)
    assert frames[50][:, :30].mean() < 80 < frames[50][:, 50:].mean()


def test_another_size_distorts_and_cuts_nothing_off(video):
    (frame,) = read_whole(video, np.array([1.0]), height=16, width=16)
    assert frame.shape == (16, 16, 3)
    assert abs(frame[:, :7].mean() - 50) < 3
    assert abs(frame[:, 9:].mean() - 100) < 3


@pytest.mark.parametrize("first", [1, 31, 89])
def test_reading_may_begin_at_any_frame(first, video):
    times = np.arange(first, COUNT) / FPS
    frames = list(read_whole(video, times, height=16, width=16))
    np.testing.assert_allclose(levels(frames), 40 + 2 * np.arange(first, COUNT), atol=2)


def test_a_file_that_cannot_be_sought_is_read_from_its_start(video, tmp_path):
    path = converted(video, tmp_path, "video.avi", "-c:v", "mpeg4", "-q:v", "2", "-an")
    frames = list(read_whole(path, np.arange(60, COUNT) / FPS, height=16, width=16))
    np.testing.assert_allclose(levels(frames), 40 + 2 * np.arange(60, COUNT), atol=4)


def test_frames_are_turned_upright(video, tmp_path):
    turned = turn(converted(video, tmp_path, "turned.mp4", "-c", "copy"), 90)
    info = probe(turned)
    assert (info.height, info.width) == (WIDTH, HEIGHT)
    (frame,) = read_whole(turned, np.zeros(1), height=WIDTH, width=HEIGHT)
    assert abs(frame[: WIDTH // 2 - 4].mean() - frame[WIDTH // 2 + 4 :].mean()) > 10


def test_times_behind_the_end_are_refused(video):
    with pytest.raises(MediaError, match=r"video ends at 3\.00 s, before "):
        list(read_whole(video, np.arange(COUNT + 3) / FPS, height=16, width=16))


def write_parts(folder, bounds):
    """Write the frames between bounds to a file each."""
    paths = []
    for start, stop in pairwise(bounds):
        paths.append(folder / f"part{start}.mp4")
        with writing_video(paths[-1], height=HEIGHT, width=WIDTH, fps=FPS) as track:
            for frame in rising()[start:stop]:
                track.add(frame)
    return paths


def test_joined_parts_show_every_frame_at_its_time(video, tmp_path):
    parts = write_parts(tmp_path, (0, 1, 40, 41, 89, 90))
    joined = tmp_path / "joined.mp4"
    join_videos(joined, parts, fps=FPS, audio_from=video)
    with av.open(str(joined)) as container:
        frames = list(container.decode(video=0))
    np.testing.assert_allclose([f.time for f in frames], np.arange(COUNT) / FPS, atol=1e-4)
    pixels = [f.to_ndarray(format="rgb24") for f in frames]
    np.testing.assert_allclose(levels(pixels), 40 + 2 * np.arange(COUNT), atol=2)
    info = probe(joined)
    assert info.duration == pytest.approx(3, abs=1e-3)
    assert (info.height, info.width, info.fps) == (HEIGHT, WIDTH, FPS)


def click_time(path):
    """Return the second of the first loud sample."""
    audio = read_audio(path, start=0.0, samples=3 * RATE, sample_rate=RATE)
    return np.flatnonzero(np.abs(audio.astype(int)) > 4000)[0] / RATE


@pytest.mark.parametrize(
    ("name", "options", "codec"),
    [
        ("aac.mp4", ("-c", "copy"), "aac"),
        ("mp3.mkv", ("-c:v", "copy", "-c:a", "libmp3lame"), "mp3"),
        ("opus.webm", ("-c:v", "libvpx", "-c:a", "libopus"), "opus"),
        ("pcm.mov", ("-c:v", "copy", "-c:a", "pcm_s16le", "-ac", "2"), "aac"),
        ("vorbis.mkv", ("-c:v", "copy", "-c:a", "libvorbis"), "aac"),
        ("offset.ts", ("-c", "copy", "-muxdelay", "5"), "aac"),
        ("late.mkv", ("-c:v", "copy", "-af", "atrim=start=0.5", "-c:a", "pcm_s16le"), "aac"),
        ("late_copy.mp4", ("-c:v", "copy", "-af", "atrim=start=0.5", "-c:a", "aac"), "aac"),
    ],
)
def test_the_audio_stays_in_sync_in_any_codec(name, options, codec, video, tmp_path):
    source = converted(video, tmp_path, name, *options)
    joined = tmp_path / "joined.mp4"
    join_videos(joined, write_parts(tmp_path, (0, 45, 90)), fps=FPS, audio_from=source)
    with av.open(str(joined)) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == codec
    assert click_time(joined) == pytest.approx(click_time(source), abs=0.005)
    assert click_time(joined) == pytest.approx(1, abs=1 / FPS)
    assert probe(joined).duration == pytest.approx(3, abs=1 / FPS)


def test_a_video_without_audio_stays_without(video, tmp_path):
    mute = converted(video, tmp_path, "mute.mp4", "-c", "copy", "-an")
    for source in (mute, None):
        joined = tmp_path / "joined.mp4"
        join_videos(joined, write_parts(tmp_path, (0, 90)), fps=FPS, audio_from=source)
        assert not probe(joined).has_audio
