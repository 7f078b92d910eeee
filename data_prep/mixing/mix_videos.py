"""Mixing of two video files into one, to try a separator on a known mixture."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from data_prep import storage
from data_prep.config import MAX_SIDE, ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio, read_forward
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.mixing.compose import as_share, mix_uint8
from data_prep.mixing.mixture_types import MixtureType, get_mixture_type

FPS = 25.0
SAMPLE_RATE = 16_000
_ROUNDING = 1e-3  # frames by which durations may be off, such as 1.16 s

# A mixture is made in pieces, so that it may be larger than the memory can hold.
_PIECE_BYTES = 1 << 26
# Masks are made of longer stretches, at a size at which these fit. Supervoxels of a still longer
# one would extend over whole frames.
_STRETCH_FRAMES = 125
_MASK_SIDE = 240


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
        segments: SLIC supervoxels of an occlusion, in every five seconds.
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
        frames = math.floor(seconds * FPS + _ROUNDING)
        if frames < 2:
            raise UserError(f"{target}, {other}: both must last 0.08 s, got {seconds:.2f} s")
        samples = round(frames / FPS * SAMPLE_RATE)
        clip = ClipConfig(frames=frames, fps=FPS, height=size, width=size, short_side=size)
        audio = read_audio(path1, start=0.0, samples=samples, sample_rate=SAMPLE_RATE)
        write_video(
            output,
            _mixed((path1, path2), mixing, clip, DataConfig(segments=segments), seed),
            fps=FPS,
            audio=audio if info1.has_audio else None,
            sample_rate=SAMPLE_RATE if info1.has_audio else None,
        )
    return frames / FPS


def _mixed(
    paths: tuple[Path, Path],
    mixing: MixtureType,
    clip: ClipConfig,
    settings: DataConfig,
    seed: int,
) -> Iterator[np.ndarray]:
    """Yield the pieces of a mixture of two squares, uint8 `[T, H, W, 3]`."""
    # Every piece gets the same draws, so that they make one mixture. Alpha is drawn last.
    unmasked = replace(mixing, alpha=lambda front, rng, settings: None)
    large, small = ([read_forward(path, c) for path in paths] for c in (clip, _reduced(clip)))
    most = max(1, _PIECE_BYTES // (3 * clip.height * clip.width))
    for stretch in _lengths(clip.frames, _STRETCH_FRAMES):
        v1, v2 = (_take(frames, stretch) for frames in small)
        alpha = mixing.prepare(v1, v2, np.random.default_rng(seed), settings).alpha
        done = 0
        for length in _lengths(stretch, most):
            v1, v2 = (_take(frames, length) for frames in large)
            made = unmasked.prepare(v1, v2, np.random.default_rng(seed), settings)
            part = None if alpha is None else _enlarged(alpha[done : done + length], clip.height)
            yield mix_uint8(made.v1, made.v2, as_share(part))
            done += length


def _lengths(frames: int, most: int) -> list[int]:
    """Divide a number of frames into parts of about the same length."""
    bounds = np.linspace(0, frames, math.ceil(frames / most) + 1).round().astype(int)
    return [int(length) for length in np.diff(bounds)]


def _reduced(clip: ClipConfig) -> ClipConfig:
    side = min(clip.height, _MASK_SIDE)
    return clip.model_copy(update={"height": side, "width": side, "short_side": side})


def _take(frames: Iterator[np.ndarray], count: int) -> np.ndarray:
    return np.stack(list(islice(frames, count)))


def _enlarged(alpha: np.ndarray, side: int) -> np.ndarray:
    """Enlarge squares `[T, S, S]` to a side by nearest neighbor."""
    nearest = np.arange(side) * alpha.shape[1] // side
    return alpha[:, nearest[:, np.newaxis], nearest]
