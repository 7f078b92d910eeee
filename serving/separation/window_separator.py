"""Separation of single windows of a video, with their part of the audio cue."""

from pathlib import Path

import numpy as np

from data_prep.config import ClipConfig
from data_prep.media.clip import read_audio
from data_prep.media.pcm import to_float
from serving.separation.clip_separator import ClipSeparator
from serving.separation.frame_grid import FrameGrid
from serving.separation.layer_tracking import SeparatedWindow
from serving.separation.windows import VideoWindow


class WindowSeparator:
    """Separates windows of a video. Threads may share it."""

    def __init__(
        self, separator: ClipSeparator, clip: ClipConfig, grid: FrameGrid, cue: Path | None
    ) -> None:
        """Set what all windows have in common.

        Args:
            separator: the model.
            clip: shape of the windows.
            grid: frames of the video and of the model.
            cue: file whose audio, at the same times, is the cue; None for silence.
        """
        self._separator, self._clip, self._grid, self._cue = separator, clip, grid, cue
        self._uses_audio = separator.description().uses_audio

    def separate(self, pair: tuple[VideoWindow, np.ndarray]) -> SeparatedWindow:
        """Separate a window, given with its frames, uint8 `[T, h, w, 3]`.

        Raises:
            MediaError: the cue cannot be read.
            ServingError: the server does not answer, or not as requested.
        """
        window, mixture = pair
        audio = self._audio(window) if self._uses_audio else None
        answer = self._separator.separate(mixture, None if audio is None else to_float(audio))
        return SeparatedWindow(
            window=window,
            mixture=mixture,
            outputs=answer["outputs"],
            chosen=int(answer["chosen"]) if "chosen" in answer else None,
            is_silent=audio is None or not audio.any(),
        )

    def _audio(self, window: VideoWindow) -> np.ndarray:
        """Return the cue of a window, int16 `[S]`."""
        if self._cue is None:
            return np.zeros(self._clip.samples, np.int16)
        return read_audio(
            self._cue,
            start=float(self._grid.times(self._grid.sources[window.start])),
            samples=self._clip.samples,
            sample_rate=self._clip.sample_rate,
        )
