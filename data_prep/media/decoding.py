"""PyAV's side of reading a video: the file, its tracks, decoded frames and their times.

Decoding runs in one thread: a process a core costs less than a thread a core.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av import AudioStream, VideoStream
from av.container import InputContainer
from av.frame import Frame
from av.stream import Discard, Disposition, Stream

from data_prep.errors import UserError

# The format under which libav would draw a text file as a video.
_TEXT_FORMAT = "tty"

# What PyAV raises on rotten files; beside libav's errors, those of its own checks.
_PYAV_ERRORS = (av.FFmpegError, ValueError, RuntimeError, LookupError, ArithmeticError)


class MediaError(UserError):
    """A file that cannot be used as it was asked for: `PATH: REASON`.

    Attributes:
        path: the file.
        reason: what is wrong with it, in words.
    """

    def __init__(self, path: str | Path, reason: str):
        super().__init__(str(path), reason)  # both in `args`, so that it can be pickled
        self.path = str(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@contextmanager
def opened(path: str | Path) -> Iterator[InputContainer]:
    """Open a file; whatever is wrong with it, now or as it is read, becomes a MediaError."""
    doing = "cannot be opened"
    try:
        # The protocol is named, so that a colon in the file's name makes no protocol, and no other
        # is allowed, so that a playlist posing as a video does not reach the network.
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


def moving_pictures(container: InputContainer) -> VideoStream | None:
    """The first video track that is no cover art."""
    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


def video_stream(container: InputContainer) -> VideoStream:
    """The video track to be decoded.

    Raises:
        MediaError: there is none, or none that can be decoded here.
    """
    stream = moving_pictures(container)
    if stream is None:
        raise MediaError(path_of(container), "has no video track")
    if stream.codec_context is None:
        raise MediaError(path_of(container), "has a video track of a kind that has no decoder here")
    return stream


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first sound track that can be decoded here."""
    return next((s for s in container.streams.audio if s.codec_context is not None), None)


def path_of(container: InputContainer) -> str:
    """The path a container was opened by."""
    return container.name.removeprefix("file:")


def origin_of(stream: Stream) -> float:
    """Time of a stream's first frame, which often is not 0."""
    return float((stream.start_time or 0) * stream.time_base)


def decode_from(
    container: InputContainer, stream: Stream, time: float, lead: float
) -> Iterator[Frame]:
    """Decode one stream from a frame at or before `time`, if there is one, on to its end.

    Decoding starts `lead` seconds before, or from the beginning of the file where the container
    cannot be sought that well.
    """
    for other in container.streams:
        other.discard = Discard.default if other is stream else Discard.all
    sought = time - lead
    try:
        container.seek(math.floor(sought / stream.time_base), stream=stream)
        frames = container.decode(stream)
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
    """Time of a decoded frame in seconds, on its container's clock."""
    stamp = frame.dts if frame.pts is None else frame.pts
    if stamp is None:
        raise ValueError("it has a frame without a timestamp")
    return float(stamp * frame.time_base)
