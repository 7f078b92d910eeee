"""Frames of a video, and those among them that a model sees at its own rate."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_ROUNDING = 1e-6  # frames


@dataclass(frozen=True)
class FrameGrid:
    """Frames of a video at a constant rate.

    Attributes:
        count: number of frames.
        fps: frames per second.
        model_fps: frames per second that the model takes.
    """

    count: int
    fps: float
    model_fps: float

    @cached_property
    def sources(self) -> np.ndarray:
        """The frame of the video that each model frame is, int64 `[K]`, never decreasing.

        It is the one that is shown at the model frame's time.
        """
        most = int(np.ceil(self.count * self.model_fps / self.fps)) + 1
        shown = np.floor(np.arange(most) * self.fps / self.model_fps + _ROUNDING).astype(np.int64)
        return shown[shown < self.count]

    def times(self, frames: np.ndarray) -> np.ndarray:
        """Return the seconds at which some frames are shown."""
        return frames / self.fps

    def position(self, frame: int) -> tuple[int, float]:
        """Return where a frame of the video lies among the model frames.

        Returns:
            The last model frame that is not later, and the share in [0, 1) of the way to the next
            one; 0 behind the last one.
        """
        index = int(np.searchsorted(self.sources, frame, side="right")) - 1
        if index + 1 == len(self.sources):
            return index, 0.0
        start, stop = self.sources[index : index + 2]
        return index, float((frame - start) / (stop - start))
