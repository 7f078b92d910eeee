"""Mixing of two video files into one, to try a separator on a known mixture."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from data_prep import storage
from data_prep.config import MAX_SIDE, ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio, read_forward
from data_prep.media.encoding import write_video, writing_video
from data_prep.media.probe import probe
from data_prep.media.video_track import VideoTrack
from data_prep.media.whole_video import read_whole
from data_prep.mixing.compose import as_share, mix_uint8
from data_prep.mixing.mixture_types import MixtureType, Prepared, get_mixture_type
from data_prep.storage.outputs import require_file_output

FPS = 25.0
SAMPLE_RATE = 16_000
WHOLE_SAMPLE_RATE = 48_000
_ROUNDING = 1e-3  # frames by which durations may be off, such as 1.16 s

# A mixture is made in pieces, so that it may be larger than the memory can hold.
_PIECE_BYTES = 1 << 23
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
    size: int | None = 224,
    segments: int = 10,
    seed: int = 0,
    truth: Sequence[str] = (),
) -> float:
    """Write a video that shows two at once, with the audio of the first.

    Args:
        target: V1, the video whose audio is kept.
        other: V2.
        output: the MP4 to write.
        mixture_type: how the two are mixed, a name in `MIXTURE_TYPES`.
        seconds: maximum length; the shorter video limits it.
        size: height and width of the frames in pixels, the center of each video at 25 frames per
            second. None for whole frames at the size and rate of `target`; `other` is scaled to
            that size.
        segments: SLIC supervoxels of an occlusion, in every five seconds.
        seed: decides all that is random about the mixture.
        truth: two more MP4s to write, V1 and V2 as they enter the mixture; or none.

    Returns:
        The seconds written.

    Raises:
        UserError: a file is not a usable video, there is no such mixture type, no video can be of
            this size, or a file to write is one of the two videos or cannot be an MP4.
    """
    for file in (output, *truth):
        _require_output(file, (target, other))
    mixing = get_mixture_type(mixture_type)
    if size is not None and not 8 <= size <= MAX_SIDE:
        raise UserError(f"size: must be from 8 to {MAX_SIDE} pixels, got {size}")
    with storage.local_copy(target) as path1, storage.local_copy(other) as path2:
        info1, info2 = (probe(path, decode=False) for path in (path1, path2))
        seconds = min(seconds, info1.duration, info2.duration)
        fps = FPS if size is not None else info1.frame_rate
        frames = math.floor(seconds * fps + _ROUNDING)
        if frames < 2:
            least = 2 / fps
            raise UserError(f"{target}, {other}: both must last {least:.2g} s, got {seconds:.2f} s")
        height, width = (info1.height, info1.width) if size is None else (size, size)
        read = partial(_read_whole if size is None else _read_square, frames=frames, fps=fps)
        pieces = _mixed((path1, path2), mixing, read, height, width, frames, segments, seed)
        rate = SAMPLE_RATE if size is not None else WHOLE_SAMPLE_RATE
        samples = round(frames / fps * rate)
        audio = read_audio(path1, start=0.0, samples=samples, sample_rate=rate)
        with ExitStack() as stack:
            tracks = [
                stack.enter_context(writing_video(uri, height=height, width=width, fps=fps))
                for uri in truth
            ]
            write_video(
                output,
                _mixtures(pieces, tracks),
                fps=fps,
                audio=audio if info1.has_audio else None,
                sample_rate=rate if info1.has_audio else None,
            )
    return frames / fps


def _require_output(file: str, videos: Sequence[str]) -> None:
    if storage.absolute(file) in map(storage.absolute, videos):
        raise UserError(f"{file}: must be another file than the videos that are mixed")
    if not file.lower().endswith(".mp4"):
        raise UserError(f"{file}: must be an .mp4 file")
    require_file_output(file)


def _read_square(
    path: Path, height: int, width: int, *, frames: int, fps: float
) -> Iterator[np.ndarray]:
    clip = ClipConfig(frames=frames, fps=fps, height=height, width=width, short_side=height)
    return read_forward(path, clip)


def _read_whole(
    path: Path, height: int, width: int, *, frames: int, fps: float
) -> Iterator[np.ndarray]:
    return read_whole(path, np.arange(frames) / fps, height=height, width=width)


def _mixtures(
    pieces: Iterable[tuple[np.ndarray, Prepared]], truth: Sequence[VideoTrack]
) -> Iterator[np.ndarray]:
    """Yield the pieces of a mixture, and add those of the two videos to their tracks."""
    for mixture, prepared in pieces:
        for track, video in zip(truth, (prepared.v1, prepared.v2), strict=bool(truth)):
            for frame in video:
                track.add(frame)
        yield mixture


def _mixed(
    paths: tuple[Path, Path],
    mixing: MixtureType,
    read: Callable[[Path, int, int], Iterator[np.ndarray]],
    height: int,
    width: int,
    frames: int,
    segments: int,
    seed: int,
) -> Iterator[tuple[np.ndarray, Prepared]]:
    """Yield the pieces of a mixture, uint8 `[T, H, W, 3]`, and the two videos in them."""
    # Every piece gets the same draws, so that they make one mixture. Alpha is drawn last.
    settings = DataConfig(segments=segments)
    unmasked = replace(mixing, alpha=lambda front, rng, settings: None)
    shrink = min(1.0, _MASK_SIDE / min(height, width))
    sizes = (height, width), (round(height * shrink), round(width * shrink))
    large, small = ([read(path, *size) for path in paths] for size in sizes)
    most = max(1, _PIECE_BYTES // (3 * height * width))
    for stretch in _lengths(frames, _STRETCH_FRAMES):
        v1, v2 = (_take(source, stretch) for source in small)
        alpha = mixing.prepare(v1, v2, np.random.default_rng(seed), settings).alpha
        done = 0
        for length in _lengths(stretch, most):
            v1, v2 = (_take(source, length) for source in large)
            made = unmasked.prepare(v1, v2, np.random.default_rng(seed), settings)
            part = alpha if alpha is None else _enlarged(alpha[done : done + length], height, width)
            yield mix_uint8(made.v1, made.v2, as_share(part)), made
            done += length


def _lengths(frames: int, most: int) -> list[int]:
    """Divide a number of frames into parts of about the same length."""
    bounds = np.linspace(0, frames, math.ceil(frames / most) + 1).round().astype(int)
    return [int(length) for length in np.diff(bounds)]


def _take(frames: Iterator[np.ndarray], count: int) -> np.ndarray:
    return np.stack(list(islice(frames, count)))


def _enlarged(alpha: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarge `[T, h, w]` by nearest neighbor."""
    rows, columns = (
        np.arange(many) * few // many
        for many, few in zip((height, width), alpha.shape[1:], strict=True)
    )
    return alpha[:, rows[:, np.newaxis], columns]
