"""One writer per folder.

On this machine's file systems, the writer holds a lock, which the operating system frees when the
process ends, however it ends. An object store has no locks: there the writer renews an object, and
others take it for abandoned once it has not been renewed for a while. So a writer that slept for
too long may lose the folder to another one, and has to check that before it completes its work.
"""

import fcntl
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

import tenacity

from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.storage.files import LEASE, read_text, remove, write_text
from data_prep.storage.stores import storage_errors
from data_prep.storage.uris import absolute, is_local, join

STALE_AFTER = 180.0
"""Seconds without renewal after which a lease in an object store is abandoned."""
_RENEW_EVERY = 30.0
_WATCH = 2 * _RENEW_EVERY  # clocks of two hosts differ, so an old object is watched at first
_SETTLE = 2.0  # seconds in which two writers that start together overwrite each other's object

_WAIT = 5.0  # seconds between two looks at a folder that somebody else holds

_held: set[str] = set()  # tokens of the leases of this process


class SecondWriterError(UserError):
    """Another process writes to the folder."""


@dataclass(frozen=True)
class _Holder:
    """Writer of a folder; times are in UTC."""

    host: str
    pid: int
    since: str
    renewed: float
    token: str

    @classmethod
    def this_process(cls) -> Self:
        now = time.time()
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
        return cls(platform.node(), os.getpid(), since, now, uuid.uuid4().hex)

    @property
    def is_stale(self) -> bool:
        """Whether it has stopped renewing, if its clock is right."""
        return abs(time.time() - self.renewed) > STALE_AFTER

    @property
    def has_ended(self) -> bool:
        """Whether it was a process of this machine that has ended."""
        if self.host != platform.node():
            return False
        if self.pid == os.getpid():
            return self.token not in _held
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # somebody else's process
            pass
        return False


@contextmanager
def lease(folder: str) -> Iterator[Callable[[], None]]:
    """Be the only writer of a folder for as long as the context lasts.

    In an object store, a writer that stops renewing for minutes, such as a machine that sleeps,
    loses the folder to the next one.

    Args:
        folder: the folder, on this machine or in an object store; made if missing, and removed at
            the end if nothing was written to it.

    Yields:
        A function to call just before the work is marked as complete. It raises the UserError
        below if another process has become the writer.

    Raises:
        UserError: another process, on this machine or another one, writes there.
        StorageError: the folder cannot be written, or its store is too slow for leases.
    """
    folder = absolute(folder)
    if is_local(folder):
        with _made(Path(folder)), _locked(folder) as require_held:
            yield require_held
    else:
        with _renewed(folder) as require_held:
            yield require_held


@contextmanager
def waiting_lease(folder: str, patience: float = 3600.0) -> Iterator[Callable[[], None]]:
    """Do the same as `lease`, but wait while another process writes to the folder.

    Args:
        folder: the folder.
        patience: seconds to wait.

    Raises:
        UserError: the other process writes for longer.
        StorageError: as for `lease`.
    """
    with ExitStack() as stack:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(SecondWriterError),
            wait=tenacity.wait_fixed(_WAIT),
            stop=tenacity.stop_after_delay(patience),
            reraise=True,
        ):
            with attempt:
                require_held = stack.enter_context(lease(folder))
        yield require_held


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; at the end, remove those of them that are empty."""
    new = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    with storage_errors(str(folder)):
        _make(folder)
    try:
        yield
    finally:
        with suppress(OSError):  # it holds something
            for place in new:
                place.rmdir()


@tenacity.retry(
    retry=tenacity.retry_if_exception_type((FileExistsError, FileNotFoundError)),
    stop=tenacity.stop_after_attempt(10),
    reraise=True,
)
def _make(folder: Path) -> None:
    """Make a folder and those above it, which their last writer may be removing."""
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _locked(folder: str) -> Iterator[Callable[[], None]]:
    path = join(folder, LEASE)
    with storage_errors(folder):
        descriptor = _lock(path)
    if descriptor is None:
        with _renewed(folder) as require_held:
            yield require_held
        return
    try:
        with storage_errors(folder):
            os.truncate(descriptor, 0)
            os.write(descriptor, _text(_Holder.this_process()).encode())
        yield lambda: None  # nobody takes a lock away
    finally:
        if _is_at(descriptor, path):  # the folder was not moved, with another one in its place
            with suppress(OSError):
                Path(path).unlink()
        os.close(descriptor)


def _lock(path: str) -> int | None:
    """Open and lock a file; return its descriptor, or None on a file system without locks."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # the last writer has just removed the empty folder
            _make(Path(path).parent)
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):  # the last writer did not remove it before it was locked
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise _refusal(path) from error
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    """Say whether an open file is still the one at a path."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116
    return False


@contextmanager
def _renewed(folder: str) -> Iterator[Callable[[], None]]:
    uri = join(folder, LEASE)
    _require_free(uri)
    mine = _Holder.this_process()
    _take(uri, mine)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(uri, mine, done), daemon=True)
    _held.add(mine.token)
    renewal.start()
    try:
        yield partial(_require_held, uri, mine)
        _require_held(uri, mine)
    finally:
        done.set()
        renewal.join()
        _give_back(uri, mine)
        _held.remove(mine.token)


def _require_free(uri: str) -> None:
    found = _read(uri)
    if found is None or found.has_ended:
        return
    if found.is_stale:
        _watch()
    if not found.is_stale or _read(uri) != found:
        raise _refusal(uri)


def _take(uri: str, mine: _Holder) -> None:
    """Write the object, and see whether somebody else does so at the same time.

    Of two writers that both find the folder free, the one that writes last has it. The other one
    must see that when it looks, so nobody may write later than that.
    """
    started = time.monotonic()
    found = _read(uri)  # once more, because connecting or watching may have taken long
    if found is not None and not (found.has_ended or found.is_stale):
        raise _refusal(uri)
    write_text(uri, _text(mine))
    seconds = time.monotonic() - started
    if seconds > _SETTLE:
        _give_back(uri, mine)
        reason = f"must store a small file within {_SETTLE:g} s to have one writer at a time"
        raise StorageError(uri, f"{reason}, got {seconds:.1f} s; rerun the same command")
    _settle()
    if not _is(uri, mine):
        raise _refusal(uri)


def _watch() -> None:
    time.sleep(_WATCH)


def _settle() -> None:
    time.sleep(_SETTLE)


def _renew(uri: str, mine: _Holder, done: threading.Event) -> None:
    while not done.wait(_RENEW_EVERY):
        with suppress(StorageError):  # it can be renewed next time
            if _is_lost(uri, mine):
                return
            write_text(uri, _text(replace(mine, renewed=time.time())))


def _require_held(uri: str, mine: _Holder) -> None:
    if _is_lost(uri, mine):
        raise _refusal(uri)


def _is_lost(uri: str, mine: _Holder) -> bool:
    """Say whether somebody else has taken the folder; a missing object is still ours."""
    found = _read(uri)
    return found is not None and found.token != mine.token


def _give_back(uri: str, mine: _Holder) -> None:
    with suppress(StorageError):  # others find it abandoned
        if _is(uri, mine):
            remove(uri)


def _is(uri: str, holder: _Holder) -> bool:
    found = _read(uri)
    return found is not None and found.token == holder.token


def _read(uri: str) -> _Holder | None:
    try:
        return _Holder(**json.loads(read_text(uri)))
    except StorageMissingError:
        return None
    except (TypeError, json.JSONDecodeError):  # its writer is just about to write it
        return None


def _text(holder: _Holder) -> str:
    return json.dumps(asdict(holder)) + "\n"


def _refusal(uri: str) -> SecondWriterError:
    folder, holder = uri.removesuffix(f"/{LEASE}"), _read(uri)
    writer = "another process writes here"
    if holder is not None:
        writer = f"process {holder.pid} on {holder.host} writes here since {holder.since}"
    return SecondWriterError(
        f"{folder}: must have one writer at a time, got a second while {writer}"
    )
