"""What the page separates: one video, or two that are mixed into one."""

from dataclasses import dataclass
from pathlib import Path

from data_prep.media.probe import probe
from data_prep.mixing.mix_videos import mix_videos

_MIXED_SECONDS = 10.0  # of two videos, at least; mixing takes about a tenth of the time


@dataclass(frozen=True)
class Source:
    """A video to separate.

    Attributes:
        video: the file.
        duration: its seconds.
        second: the second of two videos that were mixed, with the mixture's times; None for one
            video.
    """

    video: str
    duration: float
    second: str | None = None


def open_source(
    first: str, second: str | None, mixture_type: str, *, window: float, folder: Path
) -> Source:
    """Examine a video, or mix two and examine the mixture.

    Args:
        first: a video.
        second: the video to mix it with; None for none.
        mixture_type: how they are mixed, a name in `MIXTURE_TYPES`.
        window: seconds of the model's window.
        folder: an existing folder, to which a mixture is written.

    Raises:
        UserError: a file is not a video that can be used.
    """
    if second is None:
        return Source(first, probe(first, decode=False).duration)
    mixture = str(folder / "mixture.mp4")
    duration = mix_videos(
        first, second, mixture, mixture_type=mixture_type, seconds=max(_MIXED_SECONDS, window)
    )
    return Source(mixture, duration, second)
