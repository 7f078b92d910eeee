import json
import shutil
import subprocess

import av
import numpy as np
import pytest
from small_videos import RATE, click, numbered

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe


def test_a_video_comes_back(tmp_path):
    path = tmp_path / "video.mp4"
    times, rows, columns = np.mgrid[:25, :48, :64]
    channels = [128 + 90 * np.sin(rows / 9 + times / 5), 4 * columns, 5 * rows]
    frames = np.stack(channels, -1).clip(0, 255).astype(np.uint8)
    tone = (9_000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.int16)
    write_video(path, frames, fps=25, audio=tone, sample_rate=RATE)
    whole = ClipConfig(frames=25, height=48, width=48, short_side=48, sample_rate=RATE)
    clip = read_clip(path, whole, start=0)
    assert np.abs(clip.frames.astype(int) - frames[:, :, 8:56]).mean() < 3
    inside = slice(RATE // 4, 3 * RATE // 4)
    assert np.corrcoef(clip.audio[inside], tone[inside])[0, 1] > 0.99


@pytest.mark.parametrize(("height", "width"), [(33, 64), (48, 31), (1, 1)])
def test_odd_sizes_are_padded(tmp_path, height, width):
    path = tmp_path / "video.mp4"
    write_video(path, numbered(3, height, width), fps=25)
    info = probe(path)
    assert (info.height, info.width) == (height + height % 2, width + width % 2)


COLORS = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]], np.uint8
)


def bars(height, width):
    """Two equal frames of vertical bars in saturated colors."""
    bar = np.arange(width) * len(COLORS) // width
    return np.broadcast_to(COLORS[bar], (2, height, width, 3))


def played(path, height, width, *options):
    """Return the colors of the bars as the ffmpeg command shows them."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), *options, "-frames:v", "1"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    frame = np.frombuffer(raw, np.uint8).reshape(height, width, 3)
    middles = (2 * np.arange(len(COLORS)) + 1) * width // (2 * len(COLORS))
    return frame[height // 2, middles].astype(int)


@pytest.mark.parametrize(
    ("height", "width", "matrix", "assumed"),
    [
        (240, 320, "bt470bg", "bt601"),
        (576, 720, "bt470bg", "bt601"),
        (720, 1280, "bt709", "bt709"),
        (1080, 1920, "bt709", "bt709"),
        (1280, 720, "bt709", "bt709"),
    ],
)
def test_colors_are_right_with_and_without_their_tags(
    require_command, tmp_path, height, width, matrix, assumed
):
    """A player that ignores the tags takes a small video for BT.601 and a large one for BT.709."""
    require_command("ffmpeg")
    require_command("ffprobe")
    path = tmp_path / "video.mp4"
    write_video(path, bars(height, width), fps=25)
    names = ["color_range", "color_space", "color_transfer", "color_primaries"]
    command = ["ffprobe", "-v", "error", "-show_entries", f"stream={','.join(names)}"]
    printed = subprocess.run(
        [*command, "-of", "json", str(path)], capture_output=True, check=True
    ).stdout
    [stream] = json.loads(printed)["streams"]
    assert [stream[name] for name in names] == ["tv", matrix, "bt709", "bt709"]
    for options in ([], ["-vf", f"scale=in_color_matrix={assumed}"]):
        assert np.abs(played(path, height, width, *options) - COLORS).max() <= 4
    other = {"bt601": "bt709", "bt709": "bt601"}[assumed]
    wrong = played(path, height, width, "-vf", f"scale=in_color_matrix={other}")
    assert np.abs(wrong - COLORS).max() > 15, "these colors tell the matrices apart"


@pytest.mark.parametrize("fps", [12.5, 24_000 / 1001, 29.97, 60])
def test_frame_rates(tmp_path, fps):
    path = tmp_path / "video.mp4"
    write_video(path, numbered(30), fps=fps)
    assert probe(path).fps == pytest.approx(fps, rel=1e-4)
    assert probe(path).duration == pytest.approx(30 / fps, rel=1e-3)


@pytest.mark.parametrize("rate", [1_000, 11_025, 50_000])
def test_audio_at_any_rate(tmp_path, rate):
    path = tmp_path / "video.mp4"
    times = np.arange(2 * rate) / rate
    hum = (9_000 * np.sin(2 * np.pi * 100 * times)).astype(np.int16)
    write_video(path, numbered(50), fps=25, audio=hum, sample_rate=rate)
    read = read_audio(path, start=0, samples=2 * rate, sample_rate=rate)
    inside = slice(rate // 2, 3 * rate // 2)
    assert np.corrcoef(read[inside], hum[inside])[0, 1] > 0.99


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered(20), fps=25, audio=click(1, 0.5), sample_rate=RATE)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_video_in_pieces_is_the_same_file(tmp_path):
    frames = numbered(20)
    write_video(tmp_path / "a.mp4", frames, fps=25)
    write_video(tmp_path / "b.mp4", iter([frames[:3], frames[3:4], frames[4:]]), fps=25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for wrong in ([], [frames, frames[0]]):
        with pytest.raises(ValueError, match="frames: must be"):
            write_video(tmp_path / "c.mp4", wrong, fps=25)
    assert not (tmp_path / "c.mp4").exists()


def test_the_index_stands_before_the_data(plain):
    data = plain.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("frames", "audio", "rate", "match"),
    [
        (np.zeros((2, 8, 8), np.uint8), None, None, r"frames: .* uint8 \[2, 8, 8\]"),
        (np.zeros((2, 8, 8, 3), np.float32), None, None, "frames: .* float32"),
        (np.zeros((0, 8, 8, 3), np.uint8), None, None, "not empty"),
        (numbered(2), np.zeros(9, np.float32), RATE, "audio: .* float32"),
        (numbered(2), np.zeros(9, np.int16), None, "sample_rate"),
        (numbered(2), np.zeros(0, np.int16), RATE, "not empty"),
    ],
)
def test_wrong_arguments_write_nothing(tmp_path, frames, audio, rate, match):
    with pytest.raises(ValueError, match=match):
        write_video(tmp_path / "video.mp4", frames, fps=25, audio=audio, sample_rate=rate)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, plain):
    path = tmp_path / "video.mp4"
    shutil.copy(plain, path)
    with pytest.raises(av.FFmpegError):
        write_video(path, numbered(2, 2, 20_000), fps=25)
    assert [p.name for p in tmp_path.iterdir()] == ["video.mp4"]
    assert path.read_bytes() == plain.read_bytes()


def test_videos_are_written_to_remote_stores(memory, tmp_path):
    arguments = {"fps": 25, "audio": click(1, 0.5), "sample_rate": RATE}
    write_video(f"{memory}/a/video.mp4", numbered(20), **arguments)
    write_video(tmp_path / "video.mp4", numbered(20), **arguments)
    assert storage.read_bytes(f"{memory}/a/video.mp4") == (tmp_path / "video.mp4").read_bytes()
