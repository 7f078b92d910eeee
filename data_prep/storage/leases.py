"""One writer per folder.

On this machine's file systems, the writer holds a lock, which the operating system frees when the
process ends, however it ends. An object store has no locks: there the writer renews an object, and
others take it for abandoned once it has not been renewed for a while.
"""

import fcntl
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.storage.files import LEASE, read_text, remove, write_text
from data_prep.storage.stores import storage_errors
from data_prep.storage.uris import absolute, is_local, join

STALE_AFTER = 180.0
"""Seconds without renewal after which a lease in an object store is abandoned."""
_RENEW_EVERY = 30.0
_SETTLE = 1.0  # seconds in which two writers that start together overwrite each other's object

_held: set[str] = set()  # tokens of the leases of this process


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
    def is_gone(self) -> bool:
        """Whether it has stopped renewing, or was a process of this machine that has ended."""
        if time.time() - self.renewed > STALE_AFTER:
            return True
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
def lease(folder: str) -> Iterator[None]:
    """Be the only writer of a folder for as long as the context lasts.

    Args:
        folder: the folder, on this machine or in an object store; made if missing, and removed at
            the end if nothing was written to it.

    Raises:
        UserError: another process, on this machine or another one, writes there.
        StorageError: the folder cannot be written.
    """
    folder = absolute(folder)
    if is_local(folder):
        with _made(Path(folder)), _locked(folder):
            yield
    else:
        with _renewed(folder):
            yield


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; at the end, remove those of them that are empty."""
    new = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # it holds something
            for place in new:
                place.rmdir()


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    path = join(folder, LEASE)
    with storage_errors(folder):
        descriptor = _lock(path)
    if descriptor is None:
        with _renewed(folder):
            yield
        return
    try:
        with storage_errors(folder):
            os.truncate(descriptor, 0)
            os.write(descriptor, _text(_Holder.this_process()).encode())
        yield
    finally:
        with suppress(OSError):  # the folder was removed
            Path(path).unlink()
        os.close(descriptor)


def _lock(path: str) -> int | None:
    """Open and lock a file; return its descriptor, or None on a file system without locks."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):  # the last writer removed it before it was locked
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # noqa: PTH116
                    return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise _refusal(path) from error
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)


@contextmanager
def _renewed(folder: str) -> Iterator[None]:
    uri = join(folder, LEASE)
    found = _read(uri)
    if found is not None and not found.is_gone:
        raise _refusal(uri)
    mine = _Holder.this_process()
    write_text(uri, _text(mine))
    time.sleep(_SETTLE)
    if not _is(uri, mine):
        raise _refusal(uri)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(uri, mine, done), daemon=True)
    _held.add(mine.token)
    renewal.start()
    try:
        yield
        other = _read(uri)
        if other is not None and other.token != mine.token:  # this machine slept for too long
            raise _refusal(uri)
    finally:
        done.set()
        renewal.join()
        with suppress(StorageError):  # others find it abandoned
            if _is(uri, mine):
                remove(uri)
        _held.remove(mine.token)


def _renew(uri: str, mine: _Holder, done: threading.Event) -> None:
    while not done.wait(_RENEW_EVERY):
        with suppress(StorageError):  # it can be renewed next time
            if not _is(uri, mine):
                return
            write_text(uri, _text(replace(mine, renewed=time.time())))


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


def _refusal(uri: str) -> UserError:
    folder, holder = uri.removesuffix(f"/{LEASE}"), _read(uri)
    writer = "another process writes here"
    if holder is not None:
        writer = f"process {holder.pid} on {holder.host} writes here since {holder.since}"
    return UserError(f"{folder}: must have one writer at a time, got a second while {writer}")
