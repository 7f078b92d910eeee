"""Files of a separation: one video, or one folder of images, for each output."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from data_prep import storage
from data_prep.media.encoding import writing_video
from data_prep.media.joining import join_videos
from data_prep.media.video_formats import MP4, PRORES, VP9, VideoFormat
from serving.separation.run_state import UNFINISHED, RunSettings


class FrameTrack(Protocol):
    """Anything that frames are written to."""

    def add(self, frame: np.ndarray) -> None:
        """Write the next frame, uint8 `[H, W, 3]`, RGB."""
        ...


class OutputFiles(Protocol):
    """How outputs are written: part by part, so that an interrupted separation resumes."""

    def writing(
        self, folder: str, number: int, start: int, settings: RunSettings
    ) -> AbstractContextManager[FrameTrack]:
        """Give the track of a part of an output.

        Args:
            folder: the folder of the separation.
            number: which output, from 1.
            start: first frame of the part.
            settings: size and rate of the frames.
        """
        ...

    def finish(
        self,
        folder: str,
        number: int,
        starts: Sequence[int],
        settings: RunSettings,
        video: Path,
    ) -> str:
        """Complete an output, and return its name in the folder.

        Args:
            folder: the folder of the separation.
            number: which output, from 1.
            starts: first frame of each part.
            settings: size and rate of the frames.
            video: the separated video, whose audio is kept if the files can hold it.
        """
        ...


@dataclass(frozen=True)
class VideoFiles:
    """One video file per output, with the audio of the separated video."""

    video_format: VideoFormat

    def writing(
        self, folder: str, number: int, start: int, settings: RunSettings
    ) -> AbstractContextManager[FrameTrack]:
        """Give the track of a part; each part is a separate video file."""
        return writing_video(
            self._part(folder, number, start),
            height=settings.height,
            width=settings.width,
            fps=settings.fps,
            video_format=self.video_format,
        )

    def finish(
        self,
        folder: str,
        number: int,
        starts: Sequence[int],
        settings: RunSettings,
        video: Path,
    ) -> str:
        """Join the parts of an output."""
        name = f"output_{number}{self.video_format.suffix}"
        with ExitStack() as stack:
            parts = (self._part(folder, number, start) for start in starts)
            join_videos(
                storage.join(folder, name),
                [stack.enter_context(storage.local_copy(part)) for part in parts],
                fps=settings.fps,
                audio_from=video,
                video_format=self.video_format,
            )
        return name

    def _part(self, folder: str, number: int, start: int) -> str:
        name = f"output_{number}_from_{start:08}{self.video_format.suffix}"
        return storage.join(folder, UNFINISHED, name)


class ImageFiles:
    """One folder of numbered PNG files per output, without audio and without loss."""

    @contextmanager
    def writing(
        self, folder: str, number: int, start: int, settings: RunSettings
    ) -> Iterator[FrameTrack]:
        """Give the track of a part, whose images are in their place at once."""
        yield _ImageTrack(storage.join(folder, f"output_{number}"), start)

    def finish(
        self,
        folder: str,
        number: int,
        starts: Sequence[int],
        settings: RunSettings,
        video: Path,
    ) -> str:
        """Return the name of the folder, which is complete."""
        return f"output_{number}"


class _ImageTrack:
    """Images with the numbers of their frames, from 0."""

    def __init__(self, folder: str, start: int) -> None:
        self._folder, self._next = folder, start

    def add(self, frame: np.ndarray) -> None:
        data = BytesIO()
        Image.fromarray(frame).save(data, format="PNG", compress_level=1)
        storage.write_bytes(storage.join(self._folder, f"{self._next:08}.png"), data.getvalue())
        self._next += 1


OUTPUT_FORMATS: Mapping[str, OutputFiles] = {
    "mp4": VideoFiles(MP4),
    "png": ImageFiles(),
    "prores": VideoFiles(PRORES),
    "vp9": VideoFiles(VP9),
}
"""Ways to write outputs, by name; the first is the default."""
