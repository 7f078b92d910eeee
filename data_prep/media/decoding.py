"""Reading a media file with PyAV: opening it, its errors, and decoding one of its streams.

Decoding runs in one thread, because a process per core costs less than a thread per core.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import av
from av.container import Flags, InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media import formats
from data_prep.media.media_file import MediaFile, media_file, path_if_local

PYAV_ERRORS = (av.FFmpegError, ValueError, RuntimeError, LookupError, ArithmeticError)
"""Errors that PyAV raises on corrupt files: libav's errors and PyAV's checks."""

_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


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


class UnusableError(Exception):
    """What is wrong with the file that is open; `opened` adds the path and raises MediaError."""


class CutOffError(UnusableError):
    """The file cannot be read to its end."""


@contextmanager
def opened(path: str | Path, *, size: int | None = None) -> Iterator[InputContainer]:
    """Open a media file, and turn every error, now or while it is read, into one about the file.

    Args:
        path: a path on this machine, or a URI. Of a remote file, only the parts are read that libav
            asks for, in blocks.
        size: bytes that the file must have; by default, it may have any size.

    Raises:
        MediaError: the content cannot be used.
        StorageError: the storage does not give the content (missing, not allowed, timed out, ...),
            or the file has another size.
    """
    with _storage_errors(path):
        _require_regular(path)
        with media_file(path, size) as file:
            _require_size(path, file, size)
            with _errors_of_reads(file), _content_errors(path), _container(file) as container:
                yield container


@contextmanager
def _storage_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        kind = StorageMissingError if isinstance(error, FileNotFoundError) else StorageError
        raise kind(str(path), error.strerror or str(error) or type(error).__name__) from error


@contextmanager
def _errors_of_reads(file: MediaFile) -> Iterator[None]:
    """Raise what the storage raised, whatever became of it in libav."""
    try:
        yield
    except Exception:
        if file.error is not None:
            raise file.error  # noqa: B904  (its cause tells whether it may pass)
        raise
    if file.error is not None:
        raise file.error


@contextmanager
def _content_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from error
    except UnusableError as error:
        raise MediaError(path, str(error)) from error
    except PYAV_ERRORS as error:
        raise MediaError(path, f"cannot be decoded: {explain(error)}") from error


def _require_regular(path: str | Path) -> None:
    """Refuse what must not even be opened: opening a named pipe waits for a writer."""
    local = path_if_local(path)
    mode = None if local is None else local.stat().st_mode
    if mode is not None and not stat.S_ISREG(mode):
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "is not a regular file")
        raise MediaError(path, f"{kind}, not a media file")


def _require_size(path: str | Path, file: MediaFile, size: int | None) -> None:
    if size is not None and file.size != size:
        raise StorageError(
            str(path),
            f"must be as it was indexed, with {size} bytes, got {file.size}; index it again",
        )


@contextmanager
def _container(file: MediaFile) -> Iterator[InputContainer]:
    # No protocol is allowed, so that no file can make libav open another file or the network.
    options = {"format_whitelist": formats.whitelist(), "protocol_whitelist": "none"}
    try:
        container = av.open(file, "r", metadata_errors="replace", container_options=options)
    except PYAV_ERRORS as error:
        file.seek(0)
        raise UnusableError(formats.refusal(file.read(formats.HEAD))) from error
    with container:
        # PyAV lets libav make up presentation times; in AVI it makes up wrong ones.
        container.flags &= ~cast(int, Flags.gen_pts.value)
        for stream in container.streams:
            if stream.codec_context is not None:
                stream.codec_context.thread_count = 1
        yield container


def explain(error: Exception) -> str:
    """Return what an error of PyAV's means, in words for people."""
    if isinstance(error, av.error.PatchWelcomeError):
        return "it uses a feature that is not supported"
    return "the data is damaged"


def tick_of(stream: Stream) -> float:
    """Return the unit of the timestamps of a stream, in seconds."""
    if stream.time_base is None:
        raise UnusableError(f"{stream.type} timestamps have no unit")
    return float(stream.time_base)


def origin_of(stream: Stream) -> float:
    """Return the time at which a stream begins according to the file's header."""
    return (stream.start_time or 0) * tick_of(stream)


def read_only(container: InputContainer, stream: Stream) -> None:
    """Make libav skip the packets of all other streams."""
    for other in container.streams:
        other.discard = Discard.default if other is stream else Discard.all


def demux(container: InputContainer, *streams: Stream) -> Iterator[Packet]:
    """Yield the packets of streams; at the end, one packet each that empties its decoder."""
    try:
        for packet in container.demux(*streams):
            # Theora repeats a frame by an empty packet, which libav's decoders do not take.
            if packet.size or packet.dts is packet.pts is None:
                yield packet
    except PYAV_ERRORS as error:
        raise CutOffError(f"cannot be read to its end: {explain(error)}") from error


def require_undamaged(packet: Packet) -> None:
    """Refuse a packet of which the container lacks a part; decoders do not always notice."""
    if packet.is_corrupt:
        raise UnusableError(
            f"{packet.stream.type} is damaged or cut off at {_seconds(packet):.1f} s"
        )


def decoded(packet: Packet) -> list[Any]:
    """Return the frames that a packet completes."""
    try:
        return packet.decode()
    except PYAV_ERRORS as error:
        reason = f"cannot be decoded at {_seconds(packet):.1f} s: {explain(error)}"
        raise UnusableError(f"{packet.stream.type} {reason}") from error


def _seconds(packet: Packet) -> float:
    """Return the time of a packet since the start of its stream."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return (stamp or 0) * tick_of(packet.stream) - origin_of(packet.stream)
