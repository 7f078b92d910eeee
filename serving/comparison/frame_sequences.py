"""Videos of a folder as sequences of frames: video files, or folders of numbered images."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.errors import UserError
from data_prep.media.whole_video import read_whole

_IMAGES = (".png", ".jpg", ".jpeg")
_VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi")
_OUTPUT = "output_"  # how `separate` names its outputs, beside which there may be other videos


@dataclass(frozen=True)
class FrameSequence:
    """A video that can be read frame by frame.

    Attributes:
        path: a video file, or a folder with one image per frame. Numbers in the images' names
            order them, however many digits they have.
    """

    path: Path

    @property
    def name(self) -> str:
        """Its name in tables."""
        return self.path.name

    def read(self, times: np.ndarray, fps: float, height: int, width: int) -> Iterator[np.ndarray]:
        """Yield the frames at some times, uint8 `[H, W, 3]`, RGB, scaled to one size.

        Args:
            times: increasing seconds after the first frame.
            fps: images per second, if it is a folder.
            height: pixels.
            width: pixels.

        Raises:
            UserError: a frame cannot be read, or the video ends before the last time.
        """
        if self.path.is_file():
            yield from read_whole(self.path, times, height=height, width=width)
            return
        images = _images(self.path)
        for index in np.round(times * fps).astype(int):
            if index >= len(images):
                raise UserError(
                    f"{self.path}: must have an image for each frame of the truth, got "
                    f"{len(images)} images"
                )
            yield _read_image(images[index], height, width)


def find_sequences(folder: Path) -> list[FrameSequence]:
    """Return the videos of a folder by name; only `output_...` if there are any.

    Raises:
        UserError: it is not a folder, or has no video.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: must be a folder of videos, or of folders of images")
    found = sorted((path for path in folder.iterdir() if _is_sequence(path)), key=_natural_order)
    outputs = [path for path in found if path.name.startswith(_OUTPUT)]
    if not found:
        raise UserError(
            f"{folder}: must hold videos ({', '.join(_VIDEOS)}) or folders of images "
            f"({', '.join(_IMAGES)}), got neither"
        )
    return [FrameSequence(path) for path in outputs or found]


def _is_sequence(path: Path) -> bool:
    if path.is_dir():
        return bool(_images(path))
    return path.suffix.lower() in _VIDEOS


def _images(folder: Path) -> list[Path]:
    images = (path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)
    return sorted(images, key=_natural_order)


def _natural_order(path: Path) -> list[str | int]:
    """Return the parts of a name, text and numbers in turn, so that 2.png is before 10.png."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


def _read_image(path: Path, height: int, width: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            frame = image.convert("RGB")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: must be an image that can be read: {error}") from error
    if frame.size != (width, height):
        frame = frame.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(frame)
