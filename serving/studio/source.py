"""What the page separates: one video, or two that are mixed into one."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from data_prep.media.probe import probe
from data_prep.mixing.mix_videos import mix_videos

_MIXED_SECONDS = 10.0  # of two videos, at least; mixing takes about a tenth of the time


@dataclass(frozen=True)
class Source:
    """A video to separate.

    Attributes:
        first: the file of the video, or of the first of two.
        duration: seconds of the video, or of the mixture.
        second: the file of the second of two; None for one video.
        mixture: the file of the mixture, alone in its folder, with the times of both; None for one
            video.
    """

    first: str
    duration: float
    second: str | None = None
    mixture: str | None = None

    @property
    def video(self) -> str:
        """The file to separate."""
        return self.mixture or self.first

    def discard(self) -> None:
        """Delete the mixture, if there is one."""
        if self.mixture is not None:
            shutil.rmtree(Path(self.mixture).parent, ignore_errors=True)


def open_source(
    first: str, second: str | None, mixture_type: str, *, window: float, folder: Path
) -> Source:
    """Examine a video, or mix two and examine the mixture.

    Args:
        first: a video.
        second: the video to mix it with; None for none.
        mixture_type: how they are mixed, a name in `MIXTURE_TYPES`.
        window: seconds of the model's window.
        folder: an existing folder; a mixture is written to a new one in it.

    Raises:
        UserError: a file is not a video that can be used.
    """
    if second is None:
        return Source(first, probe(first, decode=False).duration)
    mixture = str(Path(mkdtemp(dir=folder)) / "mixture.mp4")
    duration = mix_videos(
        first, second, mixture, mixture_type=mixture_type, seconds=max(_MIXED_SECONDS, window)
    )
    return Source(first, duration, second, mixture)
