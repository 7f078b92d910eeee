"""Files that are no usable video: what is refused, and why."""

import errno
import io
import os
import pickle
import shutil

import av
import numpy as np
import pytest
from small_videos import RATE, click, config, encode, numbered

from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media import media_file, streams
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.decoding import MediaError
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe


@pytest.fixture
def corrupt(tmp_path, plain):
    """Give a function that makes a file of a kind that cannot be used."""

    def make(kind):
        path = tmp_path / f"{kind}.mp4"
        if kind == "empty":
            path.touch()
        elif kind == "noise":
            path.write_bytes(np.random.default_rng(0).bytes(20_000))
        elif kind == "text":
            path = tmp_path / "text.txt"
            path.write_text("label,youtube_id\n" * 50)
        elif kind == "folder":
            path.mkdir()
        elif kind == "no header":
            path.write_bytes(plain.read_bytes()[3_000:])
        return path

    return make


def readers(path):
    return (
        lambda: probe(path),
        lambda: probe(path, decode=False),
        lambda: read_clip(path, config(), start=0),
        lambda: read_audio(path, start=0, samples=10, sample_rate=RATE),
    )


@pytest.mark.parametrize("kind", ["empty", "noise", "text", "folder", "no header"])
def test_a_file_that_is_not_a_video_is_an_error_of_one_line(corrupt, kind, capfd):
    path = corrupt(kind)
    for read in readers(path):
        with pytest.raises(MediaError) as caught:
            read()
        assert str(caught.value) == f"{path}: {caught.value.reason}"
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


TEXTS = {
    "is an HTML page": "<!DOCTYPE html>\n<html><body>404</body></html>",
    "is a Git LFS pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "is a git-annex pointer": "/annex/objects/SHA256E-s1--00.mp4\n",
    "is a playlist": "#EXTM3U\n#EXTINF:2,\nplain.mp4\n",
    "is a list of files": "ffconcat version 1.0\nfile plain.mp4\n",
    "is an empty file": "",
    "holds nothing but zeros": "\0" * 5_000,
    "is text": "file 'plain.mp4'\n",
}


@pytest.mark.parametrize("reason", TEXTS)
def test_reasons_say_what_a_file_is(tmp_path, plain, reason):
    """No file makes another one be opened, here the video beside it."""
    shutil.copy(plain, tmp_path / "plain.mp4")
    path = tmp_path / "video.mp4"
    path.write_text(TEXTS[reason])
    for read in readers(path):
        with pytest.raises(MediaError, match=reason):
            read()


@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo.mp4")
    (tmp_path / "device.mp4").symlink_to("/dev/zero")
    for path, kind in [("fifo.mp4", "named pipe"), ("device.mp4", "device"), (".", "folder")]:
        for read in readers(tmp_path / path):
            with pytest.raises(MediaError, match=f"is a {kind}, not a media file"):
                read()


def test_errors_of_the_storage_are_told_apart(tmp_path, plain, monkeypatch):
    """A read that fails is never taken for the end of the file, nor for damage."""

    class Failing(io.FileIO):
        def read(self, size=-1):
            turns.append(size)
            if len(turns) == fails_at:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            return super().read(size)

    monkeypatch.setattr(media_file, "FileIO", Failing)
    path = tmp_path / "video.ts"
    encode(
        path,
        np.random.default_rng(0).integers(0, 256, (50, 48, 64, 3)).astype(np.uint8),
        range(0, 2000, 40),
        audio=click(2, 1.3),
    )
    for read in readers(path):
        turns, fails_at = [], 0
        read()
        for turn in range(1, len(turns) + 1):
            turns, fails_at = [], turn
            with pytest.raises(StorageError, match="Stale file handle"):
                read()


def test_a_missing_file_is_an_error_of_the_storage(tmp_path):
    for read in readers(tmp_path / "missing.mp4"):
        with pytest.raises(StorageMissingError, match="No such file"):
            read()


def test_a_truncated_file_gives_its_whole_windows_only(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (75, 48, 64, 3)).astype(np.uint8)
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    write_video(whole, noise, fps=25)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"cut off|cannot be decoded at"):
        probe(cut)
    expected = read_clip(whole, config(10), start=0).frames
    np.testing.assert_array_equal(read_clip(cut, config(10), start=0).frames, expected)
    with pytest.raises(MediaError, match=r"cannot be decoded|cut off|ends at"):
        read_clip(cut, config(10), start=2.0)


def test_flipped_bytes_give_a_clip_or_a_media_error(tmp_path, plain):
    random = np.random.default_rng(0)
    path = tmp_path / "video.mp4"
    for _ in range(40):
        data = bytearray(plain.read_bytes())
        for position in random.integers(0, len(data), 20):
            data[position] = random.integers(256)
        path.write_bytes(data)
        try:
            clip = read_clip(path, config(10), start=0.5)
        except MediaError:
            continue
        assert clip.frames.shape == (10, 32, 32, 3)


def test_a_media_error_is_a_user_error_that_travels():
    error = pickle.loads(pickle.dumps(MediaError("a.mp4", "has no video track")))
    assert isinstance(error, UserError)
    assert (error.path, error.reason) == ("a.mp4", "has no video track")
    assert str(error) == "a.mp4: has no video track"


def test_names_with_colons_and_percents(tmp_path):
    path = tmp_path / "http: 100%d [x].mp4"
    write_video(path, numbered(5), fps=25)
    assert probe(path).duration == pytest.approx(0.2)


def test_absurd_sizes_are_refused(plain, monkeypatch):
    monkeypatch.setattr(streams, "MAX_FRAME_PIXELS", 64 * 48 - 1)
    for read in readers(plain):
        with pytest.raises(MediaError, match="must have at most 3071 pixels, got 64x48"):
            read()


def test_a_clock_that_jumps_is_an_error(tmp_path):
    path = tmp_path / "video.ts"
    stamps = [*range(0, 1000, 40), *range(1_001_000, 1_002_000, 40)]
    encode(path, numbered(50), stamps)
    with pytest.raises(MediaError, match=r"video timestamps jump by 1000\.\d s"):
        probe(path)


def noisy(path):
    """Write 75 frames of noise, in which every byte matters."""
    noise = np.random.default_rng(0).integers(0, 256, (75, 48, 64, 3)).astype(np.uint8)
    write_video(path, noise, fps=25, audio=click(3, 1.3), sample_rate=RATE)


def index_first(source, target):
    """Copy an MP4, with its index before its frames."""
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", options={"movflags": "faststart"}) as new,
    ):
        copies = [new.add_stream_from_template(stream) for stream in old.streams]
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                new.mux(packet)


@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
@pytest.mark.parametrize("decode", [True, False])
def test_a_file_that_is_cut_off_is_refused(tmp_path, share, decode):
    """Its header, at the front, promises all frames."""
    noisy(tmp_path / "noise.mp4")
    index_first(tmp_path / "noise.mp4", path := tmp_path / "whole.mp4")
    assert probe(path, decode=decode).duration == pytest.approx(3.0)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(MediaError, match=r"cut off|damaged"):
        probe(cut, decode=decode)


@pytest.mark.parametrize("at", [0.3, 0.5, 0.8])
def test_a_video_with_damaged_frames_is_refused(tmp_path, at):
    path = tmp_path / "video.mp4"
    noisy(path)
    data = bytearray(path.read_bytes())
    begin = int(at * len(data))
    data[begin : begin + 3_000] = bytes(3_000)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"(video|audio) (is damaged|cannot be decoded)"):
        probe(path)
