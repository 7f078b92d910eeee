"""All frames of a video, whole and upright, at any size and any times."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from data_prep.media.decoding import UnusableError, opened
from data_prep.media.frame_window import frames_at
from data_prep.media.scaling import WholeScaler
from data_prep.media.video_reader import VideoReader


def read_whole(
    path: str | Path, seconds: np.ndarray, *, height: int, width: int
) -> Iterator[np.ndarray]:
    """Read the frames that a player shows at some times, however long the video is.

    Args:
        path: the video, a path or a URI.
        seconds: float `[T]`, increasing, after the video's first frame. Decoding begins near the
            first of them if the file allows that.
        height: pixels of every frame.
        width: pixels of every frame.

    Yields:
        The frames one by one: uint8 `[H, W, 3]`, RGB. Nothing is cut off; a size of another aspect
        ratio distorts them.

    Raises:
        MediaError: the file is not a video that can be decoded, a frame is damaged, or the video
            ends more than a frame before the last time.
        StorageError: the storage does not give the file's content.
    """
    seek, done = bool(len(seconds) and seconds[0] > 0), 0
    with opened(path) as container:
        try:
            for frame in _frames(VideoReader(container), seconds, height, width, seek=seek):
                yield frame
                done += 1
            return
        except UnusableError:
            if not seek:
                raise
    with opened(path) as container:
        whole = _frames(VideoReader(container), seconds, height, width, seek=False)
        yield from islice(whole, done, None)


def _frames(
    reader: VideoReader, seconds: np.ndarray, height: int, width: int, *, seek: bool
) -> Iterator[np.ndarray]:
    if len(seconds):
        yield from frames_at(reader, seconds, WholeScaler(height, width), seek=seek)
