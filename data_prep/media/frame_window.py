"""The frames of a window of a video, one for each moment in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from av.container import InputContainer

from data_prep.config import ClipConfig
from data_prep.media.decoding import UnusableError
from data_prep.media.scaling import FrameScaler, Scaler
from data_prep.media.video_reader import TimedFrame, VideoReader


@dataclass(frozen=True)
class FrameWindow:
    """Which frames are read.

    Attributes:
        clip: number, rate and size of the frames.
        start: seconds after the video's first frame.
        crop: (top, left) position of the crop, each in [0, 1] of its range.
    """

    clip: ClipConfig
    start: float
    crop: tuple[float, float]


def read_frames(
    container: InputContainer, window: FrameWindow, *, seek: bool
) -> tuple[np.ndarray, float]:
    """Read the frames of a window.

    Args:
        container: the video.
        window: which frames.
        seek: whether to decode as little as possible. Without it, decoding begins at the first
            frame, which is slower but always right.

    Returns:
        frames: uint8 `[T, H, W, 3]`.
        origin: time of the video's first frame on the container's clock.

    Raises:
        UnusableError: the window cannot be read; with `seek`, reading it without may still succeed.
    """
    reader, clip = VideoReader(container), window.clip
    result = np.empty((clip.frames, clip.height, clip.width, 3), np.uint8)
    for index, pixels in enumerate(each_frame(reader, window, seek=seek)):
        result[index] = pixels
    return result, reader.origin


def each_frame(reader: VideoReader, window: FrameWindow, *, seek: bool) -> Iterator[np.ndarray]:
    """Yield the frames of a window, uint8 `[H, W, 3]`; see `read_frames`."""
    times = window.start + np.arange(window.clip.frames) / window.clip.fps
    scaler = Scaler(window.clip, window.crop, reader.aspect)
    yield from frames_at(reader, times, scaler, seek=seek)


def frames_at(
    reader: VideoReader, seconds: np.ndarray, scaler: FrameScaler, *, seek: bool
) -> Iterator[np.ndarray]:
    """Yield the frames that a player shows at some times.

    Args:
        reader: the video.
        seconds: float `[T]`, increasing, after the video's first frame.
        scaler: turns the frames into pixels.
        seek: see `read_frames`.

    Yields:
        uint8 `[H, W, 3]` for each time.

    Raises:
        UnusableError: see `read_frames`.
    """
    times = reader.origin + seconds
    decoded = reader.around(times[0]) if seek else reader.from_start()
    shown = next(decoded)
    done = 0  # frames that were yielded
    for following in decoded:
        until = int(np.searchsorted(times, following.time - reader.slack))
        if until > done:
            yield from repeat(_pixels(shown, scaler, reader), until - done)
            done = until
        if done == len(times):
            return
        shown = following
    _require_end(times, reader)
    yield from repeat(_pixels(shown, scaler, reader), len(times) - done)


def _pixels(shown: TimedFrame, scaler: FrameScaler, reader: VideoReader) -> np.ndarray:
    if shown.is_damaged:
        raise UnusableError(f"video is damaged at {shown.time - reader.origin:.2f} s")
    return scaler.scale(shown.frame)


def _require_end(times: np.ndarray, reader: VideoReader) -> None:
    """Refuse a window whose last frame lies further behind the video's end than one frame."""
    if times[-1] > reader.clock.end + reader.clock.period:
        raise UnusableError(
            f"video ends at {reader.clock.end - reader.origin:.2f} s, before the window from "
            f"{times[0] - reader.origin:.2f} s to {times[-1] - reader.origin:.2f} s does"
        )
