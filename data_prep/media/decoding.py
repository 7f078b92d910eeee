"""Reading a video with PyAV: the file, its tracks, decoded frames and their times.

Decoding runs in one thread, because a process per core costs less than a thread per core.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import AudioStream, VideoStream
from av.container import InputContainer
from av.frame import Frame
from av.stream import Discard, Disposition, Stream

from data_prep.errors import UserError

# The format with which libav renders a text file as a video.
_TEXT_FORMAT = "tty"

# Errors that PyAV raises on corrupt files: libav's errors and PyAV's checks.
_PYAV_ERRORS = (av.FFmpegError, ValueError, RuntimeError, LookupError, ArithmeticError)


class MediaError(UserError):
    """A media file that cannot be used as requested: `PATH: REASON`.

    Attributes:
        path: the file.
        reason: what is wrong with it, on one line.
    """

    def __init__(self, path: str | Path, reason: str):
        super().__init__(str(path), reason)  # both in `args`, so that it can be pickled
        self.path = str(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@contextmanager
def opened(path: str | Path) -> Iterator[InputContainer]:
    """Open a file and turn every error, now or while it is read, into a MediaError."""
    doing = "cannot be opened"
    try:
        # Naming the protocol keeps a colon in the file's name from being taken for one. Allowing
        # no other keeps a playlist that poses as a video from reaching the network.
        options = {"protocol_whitelist": "file"}
        with av.open(
            f"file:{path}", metadata_errors="replace", container_options=options
        ) as container:
            if container.format.name == _TEXT_FORMAT:
                raise MediaError(path, "is text, not a media file")
            for stream in container.streams:
                if stream.codec_context is not None:
                    stream.codec_context.thread_count = 1
            doing = "cannot be decoded"
            yield container
    except MediaError:
        raise
    except _PYAV_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MediaError(path, f"{doing}: {reason}") from error


def main_video(container: InputContainer) -> VideoStream | None:
    """Return the first video track that is not cover art."""
    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


def video_stream(container: InputContainer) -> VideoStream:
    """Return the video track to decode.

    Raises:
        MediaError: there is none, or none that can be decoded here.
    """
    stream = main_video(container)
    if stream is None:
        raise MediaError(path_of(container), "has no video track")
    if stream.codec_context is None:
        raise MediaError(path_of(container), "has a video track for which there is no decoder")
    return stream


def audio_stream(container: InputContainer) -> AudioStream | None:
    """Return the first audio track that can be decoded here."""
    return next((s for s in container.streams.audio if s.codec_context is not None), None)


def path_of(container: InputContainer) -> str:
    """Return the path that a container was opened with."""
    return container.name.removeprefix("file:")


def tick_of(timed: Stream | Frame) -> Fraction:
    """Return the unit of the timestamps of a stream or frame, in seconds."""
    if timed.time_base is None:
        raise ValueError("timestamps have no unit")
    return timed.time_base


def origin_of(stream: Stream) -> float:
    """Return the time of a stream's first frame, which often is not 0."""
    return float((stream.start_time or 0) * tick_of(stream))


def decode_from(
    container: InputContainer, stream: Stream, time: float, lead: float
) -> Iterator[Any]:
    """Decode one stream to its end, from a frame at or before `time` if there is one.

    Decoding starts `lead` seconds earlier, or at the beginning of the file if the container
    cannot be sought that precisely.
    """
    for other in container.streams:
        other.discard = Discard.default if other is stream else Discard.all
    sought = time - lead
    try:
        container.seek(math.floor(sought / tick_of(stream)), stream=stream)
        frames: Iterator[Any] = container.decode(stream)
        first = next(frames, None)
        found = first is not None and (time_of(first) <= time or sought <= origin_of(stream))
    except av.FFmpegError:
        found = False
    if found:
        yield first
        yield from frames
    else:
        with opened(path_of(container)) as again:
            yield from again.decode(again.streams[stream.index])


def time_of(frame: Frame) -> float:
    """Return the time of a decoded frame in seconds, on its container's clock."""
    stamp = frame.dts if frame.pts is None else frame.pts
    if stamp is None:
        raise ValueError("a frame has no timestamp")
    return float(stamp * tick_of(frame))
