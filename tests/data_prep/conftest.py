"""Tiny videos with audio, and settings that fit them."""

from dataclasses import replace
from pathlib import Path

import av
import fsspec
import numpy as np
import pytest
from small_videos import RATE as AUDIO_RATE
from small_videos import TINY, click, numbered

from data_prep.config import ClipConfig, DataConfig
from data_prep.media.encoding import write_video
from data_prep.sources.videos import Video

FPS, RATE, WIDTH, HEIGHT = 16, 16_000, 64, 48


def write_tiny_video(path: Path, *, seed: int, seconds: float = 2.0, audio: bool = True) -> Path:
    """Write a colored gradient with a moving bar, and a tone; colors and pitch differ by seed."""
    rng = np.random.default_rng(seed)
    color, pitch = rng.integers(60, 255, 3), rng.uniform(200, 800)
    ramp = np.linspace(0.2, 1.0, WIDTH)[None, :, None] * np.ones((HEIGHT, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS, bit_rate=2_000_000)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        track = container.add_stream("aac", rate=RATE, layout="mono") if audio else None
        for i in range(round(seconds * FPS)):
            pixels = (ramp * color).astype(np.uint8)
            pixels[:, (4 * i) % WIDTH :][:, :8] = 255 - color
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
        if track:
            times = np.arange(round(seconds * RATE)) / RATE
            wave = (8_000 * np.sin(2 * np.pi * pitch * times)).astype(np.int16)
            for start in range(0, len(wave), 1024):
                block = np.ascontiguousarray(wave[None, start : start + 1024])
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE, start
                container.mux(track.encode(frame))
            container.mux(track.encode())
    return path


@pytest.fixture(scope="session")
def clip() -> ClipConfig:
    return TINY


@pytest.fixture
def config() -> DataConfig:
    return DataConfig(
        clip=TINY, train_mixtures=6, eval_mixtures=4, records_per_shard=2, eval_fraction=0.3
    )


@pytest.fixture(scope="session")
def video_folder(tmp_path_factory) -> Path:
    """Six videos, one of them silent, in two folders. Read only."""
    root = tmp_path_factory.mktemp("videos")
    for seed in range(6):
        path = root / f"part{seed % 2}" / f"video{seed}.mp4"
        write_tiny_video(path, seed=seed, audio=seed != 3)
    return root


@pytest.fixture
def make_video():
    """Give the function that writes a tiny video."""
    return write_tiny_video


@pytest.fixture
def make_row():
    """Give a function that makes a line of a manifest without a file behind it."""

    def make(source: str, **changes) -> Video:
        row = Video(
            path=f"/videos/{source}.mp4",
            id=source,
            source=source,
            label="",
            split="",
            bytes=1_000,
            sha256=source,
            duration=10.0,
            width=320,
            height=240,
            fps=25.0,
            video_stream=0,
            audio_stream=1,
            loudness=-20.0,
        )
        return replace(row, **changes)

    return make


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """50 frames at 25 fps, and a click at 1.3 s."""
    path = tmp_path_factory.mktemp("media") / "plain.mp4"
    write_video(path, numbered(50), fps=25, audio=click(2, 1.3), sample_rate=AUDIO_RATE)
    return path


@pytest.fixture
def memory():
    """Give an empty folder in fsspec's in-memory store, which stands in for a remote one."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    yield "memory://bucket"
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path, memory) -> str:
    """A folder that does not exist yet, on this machine and in a remote store."""
    return str(tmp_path / "new [1]") if request.param == "local" else f"{memory}/new [1]"


@pytest.fixture
def junk_rows(make_row, tmp_path):
    """Lines of a manifest whose videos are text by now, of the same length."""
    rows = []
    for i in range(6):
        path = tmp_path / "junk" / f"{i}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_text("not a video")
        rows.append(make_row(f"s{i}", path=str(path), bytes=11))
    return rows
