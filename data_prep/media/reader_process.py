"""The process in which `IsolatedReader` decodes: `python -m data_prep.media.reader_process`."""

import errno
import fcntl
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

# What reading needs is loaded before the memory is limited.
from data_prep.errors import UserError
from data_prep.media import clip, media_file, probe
from data_prep.media.decoding import MediaError
from data_prep.media.object_pipe import ObjectPipe
from data_prep.storage.byte_ranges import PositionedFile


def read_clip(*args: Any, **options: Any) -> clip.Clip:
    """Read a window as `clip.read_clip` does, and count the bytes that this takes."""
    before = _bytes_read()
    read = clip.read_clip(*args, **options)
    return replace(read, bytes_read=_bytes_read() - before)


def _bytes_read() -> int:
    """Return the bytes that this process has read, from files and from its parent."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])  # rchar: BYTES
    except OSError:  # some sandboxes hide it
        return 0


FUNCTIONS: Mapping[str, Callable[..., object]] = {"probe": probe.probe, "read_clip": read_clip}
"""What the process can be asked to do, by name."""

READY, DONE, RAISED, NO_MEMORY = "ready", "done", "raised", "no memory"
OPEN, READ, CLOSE = "open", "read", "close"

_CHUNK = 2**17  # bytes that are asked for at once


def main() -> None:
    """Answer requests until the parent process closes its end of the pipe, or dies."""
    life, size = map(int, sys.argv[1:])
    _die_with(life)
    pipe = _pipe_to_parent()
    media_file.open_remote = lambda uri, size: ServedFile(pipe, uri, size)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory = _Memory(size)
    pipe.send((READY, None))
    while True:
        try:
            folder, name, args, options = pipe.receive()
        except EOFError:
            return
        if folder is not None:
            with suppress(OSError):  # relative paths are not found then
                os.chdir(folder)
        _answer(pipe, memory, name, args, options)


class ServedFile(PositionedFile):
    """A remote file that the parent process reads, which knows the store and its errors."""

    def __init__(self, pipe: ObjectPipe, uri: str, size: int | None):
        self._pipe = pipe
        self._start, self._chunk = 0, memoryview(b"")
        self._handle, self.size = self._ask(OPEN, uri, size)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end of the file."""
        offset = self._position - self._start
        if not 0 <= offset < len(self._chunk):
            chunk = self._ask(READ, self._handle, self._position, max(size, _CHUNK))
            self._start, self._chunk, offset = self._position, memoryview(chunk), 0
        data = self._chunk[offset : offset + size].tobytes()
        self._position += len(data)
        return data

    def close(self) -> None:
        """Let the parent close the file."""
        self._ask(CLOSE, self._handle)

    def _ask(self, *request: object) -> Any:
        self._pipe.send(request)
        answer = self._pipe.receive()
        if answer is None:  # the parent has the error, and raises it in the end
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return answer


def _answer(
    pipe: ObjectPipe, memory: "_Memory", name: str, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    try:
        pipe.send((DONE, FUNCTIONS[name](*args, **options)))
    except Exception as error:
        if _lacks_memory(error) or (isinstance(error, MediaError) and memory.was_scarce()):
            pipe.send((NO_MEMORY, None))
            return
        if not isinstance(error, UserError):
            error.add_note("".join(traceback.format_exception(error)))
        pipe.send((RAISED, _causes(error)))


def _lacks_memory(error: BaseException | None) -> bool:
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # a context may lead back
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an error, its cause, the cause of that and so on, as far as pickle takes them."""
    causes: list[BaseException] = []
    while error is not None:
        try:
            pickle.loads(pickle.dumps(error))
            causes.append(error)
        except Exception:  # whatever the class of an error does wrong
            causes.append(RuntimeError(f"{type(error).__name__}: {error}"))
        error = error.__cause__
    return causes


def _die_with(life: int) -> None:
    """Let the kernel end this process when the other end of a pipe is closed, by whatever end.

    A thread that watched the parent would not do: a decoder may hang with Python's lock held. Nor
    would `PR_SET_PDEATHSIG`, which is about the thread that started this process.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # which ends the process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, os.O_ASYNC)
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides
        signal.signal(number, signal.SIG_IGN)


def _pipe_to_parent() -> ObjectPipe:
    """Keep standard input and output for messages, and let libraries write to nowhere."""
    pipe = ObjectPipe(os.dup(0), os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    return pipe


class _Memory:
    """The limit on what this process may take in addition to what it has."""

    def __init__(self, size: int):
        limit = self._bytes("VmSize") + size
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        self._scarce = limit - size // 2

    def was_scarce(self) -> bool:
        """Say whether it was used for the most part; libav may take a refusal for damage."""
        return self._bytes("VmPeak") > self._scarce

    @staticmethod
    def _bytes(name: str) -> int:
        with open("/proc/self/status") as file:  # noqa: PTH123
            return next(1024 * int(line.split()[1]) for line in file if line.startswith(name))


if __name__ == "__main__":
    main()
