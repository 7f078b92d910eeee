"""Videos and audio whose frames and loud moments are known."""

from pathlib import Path

import numpy as np
from tiny_separator import CLIP

from data_prep.media.encoding import write_video

SECONDS = 3


def brightening() -> np.ndarray:
    """Return frames whose brightness rises from 20 by 8 per frame, uint8 `[T, H, W, 3]`."""
    levels = 20 + 8 * np.arange(SECONDS * round(CLIP.fps), dtype=np.uint8)
    shape = (len(levels), CLIP.height, CLIP.width, 3)
    return np.broadcast_to(levels[:, np.newaxis, np.newaxis, np.newaxis], shape).copy()


def tone_at(start: float, end: float) -> np.ndarray:
    """Return audio that is silent but for a tone from one second to another, int16 `[S]`."""
    time = np.arange(SECONDS * CLIP.sample_rate) / CLIP.sample_rate
    tone = (16_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    return np.where((time >= start) & (time < end), tone, np.int16(0))


def write(path: Path, frames: np.ndarray, audio: np.ndarray | None = None) -> None:
    """Write a video with or without audio."""
    rate = None if audio is None else CLIP.sample_rate
    write_video(path, frames, fps=CLIP.fps, audio=audio, sample_rate=rate)
