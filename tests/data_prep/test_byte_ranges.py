"""Windows of remote videos are read by ranges of bytes, and equal those of local ones."""

import errno
import os

import av
import numpy as np
import pytest
from ranged_store import RangedStore, StoreError, ranged_store
from small_videos import RATE

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import StorageError, StorageMissingError
from data_prep.media import audio_window
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.decoding import MediaError, UnusableError
from data_prep.media.probe import probe
from data_prep.storage.byte_ranges import BLOCK, WHOLE, RemoteFile
from data_prep.storage.lasting import may_pass

CLIP = ClipConfig(frames=16, fps=8, height=48, width=64, short_side=64, sample_rate=8_000)  # 2 s
SECONDS, FPS = 24, 10


@pytest.fixture(scope="module")
def noise():
    """Frames that no codec makes small."""
    return np.random.default_rng(0).integers(0, 256, (SECONDS * FPS, 144, 192, 3), np.uint8)


def write(path, frames):
    """Write a video with sound, a keyframe every second, and its index at the end."""
    sound = np.random.default_rng(1).integers(-9_000, 9_000, (1, len(frames) * RATE // FPS))
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "8", "g": str(FPS)}
        video = container.add_stream("libx264", FPS, options=options)
        _, video.height, video.width, _ = frames.shape
        audio = container.add_stream("aac", RATE, layout="mono")
        for k, pixels in enumerate(frames):
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels)))
            samples = np.ascontiguousarray(sound[:, k * RATE // FPS :][:, : RATE // FPS])
            frame = av.AudioFrame.from_ndarray(samples.astype(np.int16), layout="mono")
            frame.sample_rate, frame.pts = RATE, k * RATE // FPS
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    assert path.stat().st_size > WHOLE
    return path


@pytest.fixture(scope="module", params=[".mp4", ".mkv", ".avi"])
def long_video(request, noise, tmp_path_factory):
    """A video of several MB with a keyframe every second; its index is at the end."""
    path = tmp_path_factory.mktemp("ranges") / f"long{request.param}"
    return write(path, noise)


@pytest.fixture(scope="module")
def mp4(noise, tmp_path_factory):
    path = tmp_path_factory.mktemp("ranges") / "video.mp4"
    return write(path, noise[: 15 * FPS])


def require_equal(clip, expected):
    assert np.array_equal(clip.frames, expected.frames)
    assert np.array_equal(clip.audio, expected.audio)
    assert clip.has_audio == expected.has_audio


@pytest.mark.parametrize("start", [0, 12.9, 21.5])
def test_a_window_by_ranges_equals_that_of_the_local_file(long_video, start):
    expected = read_clip(long_video, CLIP, start=start, crop=(0.2, 0.9))
    with ranged_store({"long": long_video.read_bytes()}):
        require_equal(read_clip("ranged://long", CLIP, start=start, crop=(0.2, 0.9)), expected)
    assert expected.has_audio


def test_a_window_costs_much_less_than_the_file(noise, tmp_path):
    path = write(tmp_path / "long.mp4", np.concatenate([noise, noise]))
    with ranged_store({"long": path.read_bytes()}) as requests:
        read_clip("ranged://long", CLIP, start=12)
    assert sum(requests) < path.stat().st_size / 5
    assert len(requests) <= 8


def test_nothing_is_fetched_twice(mp4):
    with ranged_store({"video": mp4.read_bytes()}) as requests:
        probe("ranged://video")
    assert sum(requests) == mp4.stat().st_size


def test_a_short_file_is_one_request(plain):
    expected = read_clip(plain, CLIP, start=0)
    with ranged_store({"plain": plain.read_bytes()}) as requests:
        require_equal(read_clip("ranged://plain", CLIP, start=0), expected)
    assert requests == [plain.stat().st_size]


def test_files_are_opened_again_where_the_window_cannot_be_sought(mp4, monkeypatch):
    """Both frames and audio are then decoded from the start."""
    expected = read_clip(mp4, CLIP, start=4)

    def fail(*_):
        raise UnusableError("cannot be sought")

    monkeypatch.setattr("data_prep.media.video_reader.VideoReader.around", fail)
    monkeypatch.setattr(audio_window, "_after_seek", fail)
    with ranged_store({"video": mp4.read_bytes()}):
        require_equal(read_clip("ranged://video", CLIP, start=4), expected)


def test_other_readers_take_uris(plain, memory):
    storage.write_bytes(f"{memory}/plain.mp4", plain.read_bytes())
    assert probe(f"{memory}/plain.mp4") == probe(plain)
    window = {"start": 1, "samples": RATE // 2, "sample_rate": RATE}
    assert np.array_equal(read_audio(f"{memory}/plain.mp4", **window), read_audio(plain, **window))


def test_a_file_uri_is_a_local_file(plain):
    require_equal(read_clip(f"file://{plain}", CLIP, start=0), read_clip(plain, CLIP, start=0))


@pytest.mark.parametrize("fail_from", [0, 1, 3])
@pytest.mark.parametrize(
    "error",
    [
        StoreError("slow down"),
        TimeoutError("timed out"),
        OSError(errno.EIO, "broken"),
    ],
)
def test_an_error_of_the_store_is_no_damage(mp4, fail_from, error):
    files = {"video": mp4.read_bytes()}
    with (
        ranged_store(files, fail_from=fail_from, error=error),
        pytest.raises(StorageError, match="ranged://video: ") as caught,
    ):
        read_clip("ranged://video", CLIP, start=6)
    assert caught.value.__cause__ is error
    assert may_pass(caught.value)


def test_an_error_of_the_store_leaves_nothing_behind(mp4, plain):
    with ranged_store({"video": mp4.read_bytes()}, fail_from=2), pytest.raises(StorageError):
        read_clip("ranged://video", CLIP, start=6)
    assert read_clip(plain, CLIP, start=0).has_audio


def test_an_answer_that_is_too_short_is_no_damage(mp4):
    for data in (mp4.read_bytes(), mp4.read_bytes()[:WHOLE]):
        with (
            ranged_store({"video": data}, short=100),
            pytest.raises(StorageError, match="bytes instead of") as caught,
        ):
            read_clip("ranged://video", CLIP, start=0)
        assert may_pass(caught.value)


def test_a_remote_file_may_be_missing_damaged_or_cut_off(mp4):
    files = {"text": b"hello", "cut": mp4.read_bytes()[: WHOLE + 10]}
    with ranged_store(files):
        with pytest.raises(StorageMissingError, match="ranged://gone: no such file"):
            read_clip("ranged://gone", CLIP, start=0)
        with pytest.raises(MediaError, match="ranged://text: is text, not a media file"):
            read_clip("ranged://text", CLIP, start=0)
        with pytest.raises(MediaError, match=r"ranged://cut: .* its index is missing"):
            read_clip("ranged://cut", CLIP, start=0)


@pytest.mark.parametrize("place", ["local", "remote"])
@pytest.mark.parametrize("large", [False, True])
def test_the_size_is_checked_if_it_is_known(place, large, plain, mp4):
    file = mp4 if large else plain
    size = file.stat().st_size
    with ranged_store({"file": file.read_bytes()}):
        path = str(file) if place == "local" else "ranged://file"
        require_equal(read_clip(path, CLIP, start=0, size=size), read_clip(file, CLIP, start=0))
        for other in (size + 1, size - 1, 1, 0):
            with pytest.raises(StorageError, match=f"with {other} bytes, got {size}; index it"):
                read_clip(path, CLIP, start=0, size=other)
        with pytest.raises(StorageMissingError):
            read_clip(f"{path}.gone", CLIP, start=0, size=size)


def test_a_known_size_is_not_looked_up_again(plain):
    size = plain.stat().st_size
    with ranged_store({"plain": plain.read_bytes()}) as requests:
        read_clip("ranged://plain", CLIP, start=0, size=size)
        assert (requests, RangedStore.lookups) == ([size], [])


def test_memory_is_bounded_and_forgotten_blocks_are_fetched_again():
    data = os.urandom(BLOCK * 40 + 17)
    with ranged_store({"data": data}) as requests, RemoteFile("ranged://data") as file:
        read = bytearray()
        while chunk := file.read(300_000):
            read += chunk
        assert bytes(read) == data
        assert sum(requests) == len(data)
        file.seek(39 * BLOCK)
        file.read(1)
        assert len(requests) == 41
        file.seek(5)
        assert file.read(10) == data[5:15]
        assert len(requests) == 42


def test_seeking_is_that_of_any_file():
    with ranged_store({"data": b"0123456789"}), RemoteFile("ranged://data") as file:
        assert (file.seek(4), file.tell(), file.read(2)) == (4, 4, b"45")
        assert (file.seek(-1, 2), file.read(9), file.read(9)) == (9, b"9", b"")
        assert (file.seek(-3, 1), file.read(1)) == (7, b"7")
        assert (file.seek(99), file.read(1), file.size) == (99, b"", 10)
