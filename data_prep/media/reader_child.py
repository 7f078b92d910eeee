"""A child process that decodes, as its parent sees it."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from data_prep.errors import StorageError
from data_prep.media import reader_process
from data_prep.media.object_pipe import PIPE_BYTES, ObjectPipe
from data_prep.storage.byte_ranges import RemoteFile

_START = 300.0  # seconds in which the process must start
_END = 10.0  # seconds that are waited for a killed one
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # they cost address space


class StoppedError(Exception):
    """Why a child did not answer, as a predicate about the file."""


class TooSlowError(StoppedError):
    """The child passed its time limit."""


@dataclass(frozen=True)
class Answer:
    """What a child answered.

    Attributes:
        value: what the function returned; None if it raised.
        errors: what it raised, the cause of that, and so on; empty if it returned.
    """

    value: Any
    errors: tuple[BaseException, ...]

    def result(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        for error, cause in pairwise(self.errors):
            error.__cause__ = cause
        if self.errors:
            raise self.errors[0]
        return self.value


class ReaderChild:
    """A process that runs `reader_process`, for one call at a time.

    It reads local files itself. Remote ones are read here, where the store's connections and
    errors are; this time is not counted.
    """

    def __init__(self, memory: int):
        """Start the process, and wait until it is ready.

        Args:
            memory: bytes that it may take in addition to what it has then.

        Raises:
            RuntimeError: it cannot be started.
        """
        self._memory = memory
        self._owner = os.getpid()
        life, self._life = os.pipe()
        command = [sys.executable, "-P", "-m", reader_process.__name__, str(life), str(memory)]
        with tempfile.TemporaryFile() as errors:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=(life,),
                    env={**os.environ, **_ONE_THREAD, "PYTHONPATH": _paths()},
                    start_new_session=True,  # Ctrl-C and the terminal are none of its business
                )
            finally:
                os.close(life)
            assert self._process.stdin
            assert self._process.stdout
            with suppress(OSError):  # users may have only so much; it saves waking up each other
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            self._pipe = ObjectPipe(self._process.stdout.fileno(), self._process.stdin.fileno())
            try:
                self._pipe.receive(time.monotonic() + _START)
            except BaseException as error:
                self.kill()
                if not isinstance(error, EOFError | TimeoutError):
                    raise
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip() or self._how_it_ended()
                raise RuntimeError(f"the decoding process cannot be started: {said}") from error

    def is_usable(self) -> bool:
        """Say whether the process is alive, and was started by this one, not before a fork."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, request: tuple[Any, ...], seconds: float) -> Answer:
        """Let the process call a function.

        Args:
            request: name of the function, positional and named arguments.
            seconds: time limit.

        Returns:
            What the function returned or raised; the store's own error if it failed.

        Raises:
            StoppedError: the process died, or passed a limit; it must be killed.
        """
        try:
            with _Served(self._pipe, time.monotonic() + seconds) as served:
                self._pipe.send((_folder(), *request))
                kind, value = served.until_answered()
        except TimeoutError:
            raise TooSlowError(f"keeps the decoder busy for more than {seconds:.0f} s") from None
        except (EOFError, BrokenPipeError):
            self._wait()
            raise StoppedError(f"stops the decoder: {self._how_it_ended()}") from None
        if served.failure is not None:
            return Answer(None, (served.failure,))
        if kind == reader_process.NO_MEMORY:
            raise StoppedError(f"needs more than {_in_words(self._memory)} to be decoded")
        if kind == reader_process.RAISED:
            return Answer(None, tuple(value))
        return Answer(value, ())

    def kill(self) -> None:
        """End the process; nothing is done if another one started it."""
        if self._owner != os.getpid():
            return
        self._process.kill()
        self._wait()
        with suppress(OSError):
            os.close(self._life)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _wait(self) -> None:
        with suppress(subprocess.TimeoutExpired):  # it may wait for a disk that is gone
            self._process.wait(_END)

    def _how_it_ended(self) -> str:
        code = self._process.returncode
        if code is None:
            return "does not end"
        if code >= 0:
            return f"ends with exit code {code}"
        with suppress(ValueError):
            return f"killed by signal {-code} ({signal.Signals(-code).name})"
        return f"killed by signal {-code}"


class _Served:
    """The remote files that a child reads during a call.

    Attributes:
        failure: an error of the storage.
    """

    def __init__(self, pipe: ObjectPipe, deadline: float):
        self._pipe, self._deadline = pipe, deadline
        self._files: list[RemoteFile] = []
        self._stack = ExitStack()
        self.failure: StorageError | None = None

    def until_answered(self) -> tuple[str, Any]:
        """Serve the child until it answers, and return its answer."""
        serving: dict[str, Callable[..., object]] = {
            reader_process.OPEN: self._open,
            reader_process.READ: self._read,
            reader_process.CLOSE: self._close,
        }
        while True:
            kind, *details = self._pipe.receive(self._deadline)
            if kind not in serving:
                return kind, details[0]
            began = time.monotonic()
            answer: object = None
            try:
                answer = serving[kind](*details)
            except StorageError as error:
                self.failure = self.failure or error
            self._deadline += time.monotonic() - began
            self._pipe.send(answer)

    def _open(self, uri: str, size: int | None) -> tuple[int, int]:
        file = self._stack.enter_context(RemoteFile(uri, size))
        self._files.append(file)
        return len(self._files) - 1, file.size

    def _read(self, number: int, position: int, size: int) -> bytes:
        self._files[number].seek(position)
        return self._files[number].read(size)

    def _close(self, number: int) -> bool:
        self._files[number].close()
        return True

    def __enter__(self) -> "_Served":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _folder() -> str | None:
    """Return the working folder, which relative paths are in; None if it was removed."""
    with suppress(FileNotFoundError):
        return os.getcwd()  # noqa: PTH109
    return None


def _paths() -> str:
    """Return where this process finds modules, as `PYTHONPATH`; it may have added some itself."""
    return os.pathsep.join(map(os.path.abspath, sys.path))


def _in_words(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"
