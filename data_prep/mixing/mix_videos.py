"""Mixing of two video files into one, to try a separator on a known mixture."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from data_prep import storage
from data_prep.config import MAX_SIDE, ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.mixing.compose import as_share, mix_uint8
from data_prep.mixing.mixture_types import MixtureType, get_mixture_type

FPS = 25.0
SAMPLE_RATE = 16_000

# A mixture is made in pieces, so that it may be longer than the memory can hold. Supervoxels of a
# longer piece would extend over whole frames.
_PIECE_FRAMES = 125
_PIECE_BYTES = 1 << 26


def mix_videos(
    target: str,
    other: str,
    output: str,
    *,
    mixture_type: str = "transparency",
    seconds: float = 5.0,
    size: int = 224,
    segments: int = 10,
    seed: int = 0,
) -> float:
    """Write a video that shows two at once, with the audio of the first.

    Args:
        target: V1, the video whose audio is kept.
        other: V2.
        output: the MP4 to write, 25 frames per second.
        mixture_type: how the two are mixed, a name in `MIXTURE_TYPES`.
        seconds: maximum length; the shorter video limits it.
        size: height and width of the frames in pixels, the center of each video.
        segments: SLIC supervoxels of an occlusion, in every five seconds or less.
        seed: decides all that is random about the mixture.

    Returns:
        The seconds written.

    Raises:
        UserError: a file is not a usable video, there is no such mixture type, or no video can be
            of this size.
    """
    mixing = get_mixture_type(mixture_type)
    if not 8 <= size <= MAX_SIDE:
        raise UserError(f"size: must be from 8 to {MAX_SIDE} pixels, got {size}")
    with storage.local_copy(target) as path1, storage.local_copy(other) as path2:
        info1, info2 = (probe(path, decode=False) for path in (path1, path2))
        seconds = min(seconds, info1.duration, info2.duration)
        frames = int(seconds * FPS)
        if frames < 2:
            raise UserError(f"{target}, {other}: both must last 0.08 s, got {seconds:.2f} s")
        samples = round(frames / FPS * SAMPLE_RATE)
        audio = read_audio(path1, start=0.0, samples=samples, sample_rate=SAMPLE_RATE)
        write_video(
            output,
            _mixed(
                (path1, path2), mixing, _pieces(frames, size), DataConfig(segments=segments), seed
            ),
            fps=FPS,
            audio=audio if info1.has_audio else None,
            sample_rate=SAMPLE_RATE if info1.has_audio else None,
        )
    return frames / FPS


def _pieces(frames: int, size: int) -> list[tuple[int, ClipConfig]]:
    """Divide a mixture into pieces of at least two frames: the first frame and shape of each."""
    most = min(max(3, _PIECE_BYTES // (3 * size**2)), _PIECE_FRAMES)
    bounds = np.linspace(0, frames, math.ceil(frames / most) + 1).round().astype(int).tolist()
    return [
        (
            first,
            ClipConfig(frames=stop - first, fps=FPS, height=size, width=size, short_side=size),
        )
        for first, stop in pairwise(bounds)
    ]


def _mixed(
    paths: tuple[Path, Path],
    mixing: MixtureType,
    pieces: list[tuple[int, ClipConfig]],
    settings: DataConfig,
    seed: int,
) -> Iterator[np.ndarray]:
    """Yield the pieces of a mixture, uint8 `[T, H, W, 3]`."""
    for first, clip in pieces:
        v1, v2 = (read_clip(path, clip, start=first / FPS).frames for path in paths)
        # Every piece gets the same draws, so that they make one mixture.
        made = mixing.prepare(v1, v2, np.random.default_rng(seed), settings)
        yield mix_uint8(made.v1, made.v2, as_share(made.alpha))
