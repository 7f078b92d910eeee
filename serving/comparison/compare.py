"""Scores of separated videos if the videos that were mixed are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from data_prep.errors import UserError
from data_prep.media.probe import probe
from serving.comparison.frame_measures import flicker, loss, psnr, ssim
from serving.comparison.frame_sequences import FrameSequence

_USUAL_FPS = 25.0  # of a file that does not say
_PIECE_PIXELS = 1 << 22  # pixels of each video that are held
_SSIM_FRAMES = 100  # SSIM takes much longer than the others, and is much the same in all frames
_LEAST_SIDE = 11  # pixels of SSIM's window

Progress = Callable[[int], None]


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


def compare(
    videos: Sequence[FrameSequence],
    truth: Sequence[FrameSequence],
    progress: Progress = lambda frames: None,
) -> Comparison:
    """Score videos against the true ones, whatever their order.

    Args:
        videos: at least as many as true ones. They are scaled to the size of the first true one,
            and compared at its frames.
        truth: the videos that were mixed; the first must be a file.
        progress: called with the number of frames that are done.

    Raises:
        UserError: there are too few videos, one is shorter than the truth or cannot be read, or
            the truth is too small.
    """
    if len(videos) < len(truth):
        raise UserError(
            f"videos: must be at least as many as the {len(truth)} true ones, got {len(videos)}"
        )
    grid = _grid(truth[0].path)
    losses, decibels, changes = _all_pairs(videos, truth, grid, progress)
    best, _ = _assign(losses.mean(-1))
    scores = tuple(
        Scores(
            loss=float(losses[v, t].mean()),
            psnr=float(decibels[v, t].mean()),
            ssim=_ssim(videos[v], truth[t], grid),
            flicker=float(changes[v, t].mean()) if grid.count > 1 else 0.0,
        )
        for t, v in enumerate(best)
    )
    per_second = _seconds(losses, grid.fps)
    switched = tuple(i for i, costs in enumerate(per_second) if _assign(costs)[0] != best)
    names = tuple((videos[v].name, truth[t].name) for t, v in enumerate(best))
    return Comparison(names, scores, len(per_second), switched)


def _grid(path: Path) -> _Grid:
    info = probe(path, decode=False)
    if min(info.height, info.width) < _LEAST_SIDE:
        raise UserError(
            f"{path}: must be at least {_LEAST_SIDE} pixels high and wide, "
            f"got {info.width}x{info.height}"
        )
    fps = info.fps or _USUAL_FPS
    return _Grid(max(1, round(info.duration * fps)), fps, info.height, info.width)


def _all_pairs(
    videos: Sequence[FrameSequence],
    truth: Sequence[FrameSequence],
    grid: _Grid,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return loss and PSNR, `[V, N, T]`, and flicker, `[V, N, T - 1]`, of every pair."""
    readers = [grid.read(video, np.arange(grid.count)) for video in (*videos, *truth)]
    length = max(1, _PIECE_PIXELS // (grid.height * grid.width))
    held: list[np.ndarray] = []  # the last frame of each video, which the next change needs
    found: list[tuple[np.ndarray, ...]] = []
    for done in range(0, grid.count, length):
        count = min(length, grid.count - done)
        pieces = [np.stack(list(islice(reader, count))) for reader in readers]
        longer = (
            [np.concatenate(pair) for pair in zip(held, pieces, strict=True)] if held else pieces
        )
        split = len(videos)
        found.append(
            (
                _matrix(loss, pieces[:split], pieces[split:]),
                _matrix(psnr, pieces[:split], pieces[split:]),
                _matrix(flicker, longer[:split], longer[split:]),
            )
        )
        held = [piece[-1:] for piece in pieces]
        progress(done + count)
    losses, decibels, changes = (np.concatenate(part, axis=-1) for part in zip(*found, strict=True))
    return losses, decibels, changes


def _matrix(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    videos: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
) -> np.ndarray:
    return np.array([[measure(video, true) for true in truth] for video in videos])


def _assign(costs: np.ndarray) -> tuple[list[int], float]:
    """Return the video of each true one with the lowest sum of costs `[V, N]`, and that sum."""
    columns, rows = linear_sum_assignment(costs.T)
    return [int(row) for row in rows], float(costs.T[columns, rows].sum())


def _seconds(losses: np.ndarray, fps: float) -> list[np.ndarray]:
    """Return the mean losses `[V, N]` of each second."""
    starts = np.arange(0, losses.shape[-1], fps).round().astype(int)[1:]
    return [part.mean(-1) for part in np.split(losses, starts, axis=-1)]


def _ssim(video: FrameSequence, truth: FrameSequence, grid: _Grid) -> float:
    count = min(grid.count, _SSIM_FRAMES)
    frames = np.linspace(0, grid.count - 1, count).round()
    pairs = zip(grid.read(video, frames), grid.read(truth, frames), strict=True)
    return float(np.mean([ssim(a[np.newaxis], b[np.newaxis])[0] for a, b in pairs]))
