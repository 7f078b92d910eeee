"""Scores of separated videos if the videos that were mixed are known."""

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.optimize import linear_sum_assignment

from data_prep.errors import UserError
from data_prep.media.probe import probe
from data_prep.progress_bar import tracked
from serving.comparison.frame_measures import errors, flicker, loss, psnr, ssim
from serving.comparison.frame_sequences import FrameSequence
from serving.ordered_calls import in_order

_PIECE_PIXELS = 1 << 20  # pixels of each video that are held
_SSIM_FRAMES = 30  # SSIM takes much longer than the others, and is much the same in all frames
_LEAST_SIDE = 11  # pixels of SSIM's window


@dataclass(frozen=True)
class Scores:
    """Measures of one video against a true one, as means over frames.

    Attributes:
        loss: the papers' reconstruction loss.
        psnr: dB.
        ssim: in [-1, 1].
        flicker: mean absolute error of the changes from frame to frame, in 8-bit levels.
    """

    loss: float
    psnr: float
    ssim: float
    flicker: float


@dataclass(frozen=True)
class Comparison:
    """Scores under the best assignment of videos to true ones for the whole length.

    Attributes:
        names: (video, true video) of each pair, in the order of the true ones.
        scores: scores of each pair.
        seconds: number of seconds, the last of which may be shorter.
        switched: seconds in which another assignment would have had a lower loss.
    """

    names: tuple[tuple[str, str], ...]
    scores: tuple[Scores, ...]
    seconds: int
    switched: tuple[int, ...]


@dataclass(frozen=True)
class _Grid:
    """Frames at which videos are compared."""

    count: int
    fps: float
    height: int
    width: int

    def read(self, video: FrameSequence, frames: np.ndarray) -> Iterator[np.ndarray]:
        return video.read(frames / self.fps, self.fps, self.height, self.width)


def compare(videos: Sequence[FrameSequence], truth: Sequence[FrameSequence]) -> Comparison:
    """Score videos against the true ones, whatever their order.

    Args:
        videos: at least as many as true ones. They are scaled to the size of the first true one,
            and compared at its frames.
        truth: the videos that were mixed; the first must be a file.

    Raises:
        UserError: there are too few videos, one is shorter than the truth or cannot be read, or
            the truth is too small.
    """
    if len(videos) < len(truth):
        raise UserError(
            f"videos: must be at least as many as the {len(truth)} true ones, got {len(videos)}"
        )
    grid = _grid(truth[0].path)
    pairs = _all_pairs(videos, truth, grid)
    losses = np.array([[pair.losses for pair in row] for row in pairs])
    best = _assign(losses.mean(-1))
    scores = tuple(_scores(pairs[v][t], videos[v], truth[t], grid) for t, v in enumerate(best))
    per_second = _seconds(losses, grid.fps)
    switched = tuple(i for i, costs in enumerate(per_second) if _assign(costs) != best)
    names = tuple((videos[v].name, truth[t].name) for t, v in enumerate(best))
    return Comparison(names, scores, len(per_second), switched)


def score_alike(video: FrameSequence, truth: Sequence[FrameSequence]) -> tuple[Scores, ...]:
    """Score one video, such as the mixture, against every true one; see `compare`."""
    grid = _grid(truth[0].path)
    [pairs] = _all_pairs([video], truth, grid)
    return tuple(_scores(pair, video, true, grid) for pair, true in zip(pairs, truth, strict=True))


def _grid(path: Path) -> _Grid:
    info = probe(path, decode=False)
    if min(info.height, info.width) < _LEAST_SIDE:
        raise UserError(
            f"{path}: must be at least {_LEAST_SIDE} pixels high and wide, "
            f"got {info.width}x{info.height}"
        )
    return _Grid(info.frame_count, info.frame_rate, info.height, info.width)


def _all_pairs(
    videos: Sequence[FrameSequence], truth: Sequence[FrameSequence], grid: _Grid
) -> list[list["_Pair"]]:
    """Return the measures of every video against every true one, `[V][N]`."""
    pairs = [[_Pair() for _ in truth] for _ in videos]
    readers = [grid.read(video, np.arange(grid.count)) for video in (*videos, *truth)]
    length = max(1, _PIECE_PIXELS // (grid.height * grid.width))
    starts = range(0, grid.count, length)
    with ThreadPoolExecutor() as threads:
        for start in tracked("Comparing", starts, len(starts)):
            count = min(length, grid.count - start)
            pieces = [np.stack(list(islice(reader, count))) for reader in readers]
            added = [
                threads.submit(pair.add, pieces[v], pieces[len(videos) + t])
                for v, row in enumerate(pairs)
                for t, pair in enumerate(row)
            ]
            for each in added:
                each.result()
    return pairs


class _Pair:
    """Measures of a video against a true one, frame by frame.

    Attributes:
        losses: the loss of each frame.
        decibels: the PSNR of each frame.
        changes: the flicker of each frame but the first.
    """

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.decibels: list[float] = []
        self.changes: list[float] = []
        self._last = np.empty((0, 1, 1, 1), np.float32)  # errors of the frame before

    def add(self, video: np.ndarray, truth: np.ndarray) -> None:
        """Add the next frames, uint8 `[T, H, W, 3]`."""
        found = errors(video, truth)
        self.losses.extend(loss(found))
        self.decibels.extend(psnr(found))
        if len(self._last):
            self.changes.extend(flicker(np.concatenate([self._last, found[:1]])))
        self.changes.extend(flicker(found))
        self._last = found[-1:].copy()


def _scores(pair: _Pair, video: FrameSequence, truth: FrameSequence, grid: _Grid) -> Scores:
    return Scores(
        loss=fmean(pair.losses),
        psnr=fmean(pair.decibels),
        ssim=_ssim(video, truth, grid),
        flicker=fmean(pair.changes or [0.0]),
    )


def _assign(costs: np.ndarray) -> list[int]:
    """Return the video of each true one with the lowest sum of costs `[V, N]`."""
    _, rows = linear_sum_assignment(costs.T)
    return [int(row) for row in rows]


def _seconds(losses: np.ndarray, fps: float) -> list[np.ndarray]:
    """Return the mean losses `[V, N]` of each second.

    A second in which no frame begins has those of the frame that is still shown.
    """
    count = losses.shape[-1]
    starts = np.minimum(np.arange(0, count, fps).astype(int), count - 1)
    bounds = itertools.pairwise([*starts, count])
    return [losses[..., start : max(start + 1, stop)].mean(-1) for start, stop in bounds]


def _ssim(video: FrameSequence, truth: FrameSequence, grid: _Grid) -> float:
    count = min(grid.count, _SSIM_FRAMES)
    frames = np.linspace(0, grid.count - 1, count).round()
    pairs = zip(grid.read(video, frames), grid.read(truth, frames), strict=True)
    with ThreadPoolExecutor() as threads:
        values = in_order(
            threads,
            lambda pair: ssim(pair[0][np.newaxis], pair[1][np.newaxis])[0],
            tracked("SSIM", pairs, count),
            ahead=os.cpu_count() or 1,
        )
        return fmean(values)
