"""Outputs at the size and rate of the video, from those at the model's."""

from collections.abc import Collection, Iterable

import numpy as np

from serving.separation.frame_grid import FrameGrid
from serving.separation.guided_upsampling import fit_maps
from serving.separation.layer_tracking import SeparatedFrame


class MapsInTime:
    """Maps from mixture to outputs for any frame of a video; frames are asked for in order.

    The maps of a frame between two model frames are interpolated. Unlike interpolated outputs,
    they keep what moves sharp. Nothing is interpolated across a cut.
    """

    def __init__(
        self,
        separated: Iterable[SeparatedFrame],
        first: int,
        grid: FrameGrid,
        cuts: Collection[int],
    ) -> None:
        """Read the model frames while they are needed.

        Args:
            separated: the model frames from `first` on.
            first: index of the first of them.
            grid: frames of the video and of the model.
            cuts: model frames that begin a shot.
        """
        self._separated = enumerate(separated, first)
        self._grid, self._cuts = grid, cuts
        self._held: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def at(self, index: int, frame: np.ndarray) -> np.ndarray:
        """Return the maps for a frame, float32 `[n, 12, h, w]`; see `fit_maps`.

        Args:
            index: index of the frame in the video, not less than in the call before.
            frame: uint8 `[H, W, 3]`.
        """
        before, share = self._grid.position(index)
        mixture, maps = self._of(before)
        if not share:
            return maps
        next_mixture, next_maps = self._of(before + 1)
        if before + 1 in self._cuts:
            is_next = _distance(frame, next_mixture) < _distance(frame, mixture)
            return next_maps if is_next else maps
        return maps + np.float32(share) * (next_maps - maps)

    def _of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a model frame and its maps."""
        while index not in self._held:
            number, separated = next(self._separated)
            self._held.pop(number - 2, None)
            self._held[number] = (
                separated.mixture,
                fit_maps(separated.mixture, separated.outputs),
            )
        return self._held[index]


def _distance(frame: np.ndarray, small: np.ndarray) -> float:
    """Return how much a frame differs from a small one."""
    rows, columns = (
        ((np.arange(few) + 0.5) * many / few).astype(int)
        for few, many in zip(small.shape[:2], frame.shape[:2], strict=True)
    )
    return float(np.abs(frame[np.ix_(rows, columns)].astype(np.int16) - small).mean())
