"""Decoding in another process, so that a file that crashes or hangs the decoder stops nobody."""

import weakref
from collections import deque
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.media.clip import Clip
from data_prep.media.decoding import MediaError
from data_prep.media.probe import VideoInfo
from data_prep.media.reader_child import ReaderChild, StoppedError, TooSlowError

SECONDS = 300.0
"""Time limit of a window. It is long, because a machine may be busy with other things."""
MEMORY_BYTES = 2**31
"""Memory limit of a window; a video of 8K took 0.2 GiB."""
_PROBED = 100_000  # bytes of a file for which another second is allowed to examine it


class StoppedDecoderError(MediaError):
    """A file that crashes the decoder, or passes a limit.

    It may also be the machine that lacked memory or time, so nobody should remember it.
    """


class IsolatedReader:
    """Reads videos in child processes, each with a time and a memory limit.

    A child is started at the first call, and serves many. As many of them run as calls do at the
    same time, from any threads. They end with this process, however it ends.

    A call during which the child dies, or takes too much memory, is repeated once in a new child.
    """

    def __init__(self, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES):
        """Set the limits of each call; time that the storage takes for remote files is not counted.

        Args:
            seconds: time limit, on a clock.
            memory_bytes: memory that a child may take in addition to what it has at its start.
        """
        self._seconds, self._memory = seconds, memory_bytes
        self._idle: deque[ReaderChild] = deque()
        self._finalizer = weakref.finalize(self, _end, self._idle)

    def read_clip(
        self,
        uri: str | Path,
        clip: ClipConfig,
        *,
        start: float,
        crop: tuple[float, float] = (0.5, 0.5),
        size: int | None = None,
    ) -> Clip:
        """Read a window of a video; see `clip.read_clip`.

        Raises:
            MediaError: see there; a StoppedDecoderError if the file crashes the decoder or takes
                too much memory, twice, or takes too long.
            StorageError: see there.
        """
        options = {"start": start, "crop": crop, "size": size}
        return cast(Clip, self._call(uri, self._seconds, "read_clip", (uri, clip), options))

    def probe(self, uri: str | Path, *, decode: bool = True) -> VideoInfo:
        """Examine a whole video; see `probe.probe`. A second more is allowed for every 100 kB.

        Raises:
            MediaError: see there; a StoppedDecoderError if the file crashes the decoder or takes
                too much memory, twice, or takes too long.
            StorageError: see there.
        """
        seconds = self._seconds + storage.size(str(uri)) / _PROBED
        return cast(VideoInfo, self._call(uri, seconds, "probe", (uri,), {"decode": decode}))

    def close(self) -> None:
        """End the child processes; the next call starts one again."""
        _end(self._idle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        uri: str | Path,
        seconds: float,
        name: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        try:
            return self._try(self._take(), seconds, name, args, options)
        except TooSlowError as error:
            raise StoppedDecoderError(uri, str(error)) from error
        except StoppedError:
            pass
        try:
            return self._try(ReaderChild(self._memory), seconds, name, args, options)
        except StoppedError as error:
            raise StoppedDecoderError(uri, str(error)) from error

    def _try(self, child: ReaderChild, seconds: float, *request: Any) -> Any:
        try:
            answer = child.ask(request, seconds)
        except BaseException:  # Ctrl-C too: the child is not done then
            child.kill()
            raise
        self._idle.append(child)
        return answer.result()

    def _take(self) -> ReaderChild:
        while True:
            try:
                child = self._idle.pop()
            except IndexError:
                return ReaderChild(self._memory)
            if child.is_usable():
                return child
            child.kill()


@cache
def shared_reader(*, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> IsolatedReader:
    """Return this process's reader with these limits."""
    return IsolatedReader(seconds=seconds, memory_bytes=memory_bytes)


def _end(children: deque[ReaderChild]) -> None:
    while children:
        children.pop().kill()
