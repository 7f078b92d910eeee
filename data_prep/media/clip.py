"""Clips of a video file: windows of its frames and audio, at one size and rate."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.config import ClipConfig
from data_prep.media import audio_window
from data_prep.media.decoding import MediaError, UnusableError, opened, origin_of
from data_prep.media.frame_window import FrameWindow, each_frame, read_frames
from data_prep.media.streams import audio_of, main_video
from data_prep.media.video_reader import VideoReader


@dataclass(frozen=True, eq=False)
class Clip:
    """A window of a video with its audio.

    Attributes:
        frames: uint8 `[T, H, W, 3]`, RGB.
        audio: int16 `[S]`, mono; zeros if the file has none.
        has_audio: whether the file has any audio in the window.
        bytes_read: bytes that were read to decode it; 0 if they were not counted.
    """

    frames: np.ndarray
    audio: np.ndarray
    has_audio: bool
    bytes_read: int = 0


def read_clip(
    path: str | Path,
    clip: ClipConfig,
    *,
    start: float,
    crop: tuple[float, float] = (0.5, 0.5),
    size: int | None = None,
) -> Clip:
    """Read a window of a video, with its audio.

    Frame k is the one that a player shows `start + k / clip.fps` seconds after the first frame, so
    variable, low and high frame rates keep their speed. Frames are turned upright, their pixels
    made square, their shorter side scaled to `clip.short_side`, and cropped. Streams, times and
    pixels are those of the ffmpeg command.

    Args:
        path: the video, a path or a URI. Of a remote one, little more than the window is read.
        clip: length, rate and size of the window.
        start: seconds after the video's first frame, at least 0.
        crop: (top, left) position of the crop, each in [0, 1] of its range.
        size: bytes that the file must have; by default, it may have any size.

    Raises:
        MediaError: the file is not a video that can be decoded, its frames in the window are
            damaged, or it ends before the window does.
        StorageError: the storage does not give the file's content, or it has another size.
    """
    if start < 0:
        raise ValueError(f"start: must be at least 0, got {start}")
    if not all(0 <= position <= 1 for position in crop):
        raise ValueError(f"crop: must be two positions in [0, 1], got {crop}")
    window = FrameWindow(clip, start, crop)
    with opened(path, size=size) as container:
        try:
            frames, origin = read_frames(container, window, seek=True)
        except UnusableError:
            with opened(path, size=size) as again:
                frames, origin = read_frames(again, window, seek=False)
        audio = audio_window.read_window(
            path, container, origin + start, clip.samples, clip.sample_rate
        )
    if audio is None:
        return Clip(frames, np.zeros(clip.samples, np.int16), has_audio=False)
    return Clip(frames, audio, has_audio=True)


def read_forward(path: str | Path, clip: ClipConfig) -> Iterator[np.ndarray]:
    """Read the center of a video from its first frame on, each frame once, however long it is.

    Args:
        path: the video, a path or a URI.
        clip: number, rate and size of the frames.

    Yields:
        The frames as in `read_clip`, one by one: uint8 `[H, W, 3]`.

    Raises:
        MediaError: see `read_clip`.
        StorageError: see `read_clip`.
    """
    window = FrameWindow(clip, start=0.0, crop=(0.5, 0.5))
    with opened(path) as container:
        yield from each_frame(VideoReader(container), window, seek=False)


def read_audio(path: str | Path, *, start: float, samples: int, sample_rate: int) -> np.ndarray:
    """Read a window of a file's audio, mixed down to mono.

    Args:
        path: a video or an audio file, a path or a URI.
        start: seconds after the first frame, or after the first audio if there is no video track.
        samples: length of the window.
        sample_rate: samples per second.

    Returns:
        int16 `[samples]`; zeros where the file has no audio.

    Raises:
        MediaError: the file cannot be decoded.
        StorageError: the storage does not give the file's content.
    """
    with opened(path) as container:
        stream = audio_of(container)
        if main_video(container) is not None:
            origin = VideoReader(container).origin
        elif stream is not None:
            origin = origin_of(stream)
        else:
            raise MediaError(path, "has neither a video nor an audio track")
        audio = audio_window.read_window(path, container, origin + start, samples, sample_rate)
    return np.zeros(samples, np.int16) if audio is None else audio
