"""Storage that fails: an object store in memory, and this machine's file system.

The k-th operation of either raises an error of some kind.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from data_set_contents import comparable
from fsspec.implementations.memory import MemoryFileSystem

ROOT = "failing://bucket"
LOST = "connection lost"
ERRORS: dict[str, type[OSError] | int] = {
    LOST: ConnectionError,
    "timeout": errno.ETIMEDOUT,
    "no space": errno.ENOSPC,
    "not found": errno.ENOENT,
    "permission": errno.EACCES,
}
"""Kinds of errors of a storage."""

_EVENTS = {
    "open",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "os.truncate",
}
"""Operations on files of which Python tells an audit hook."""


def _raise(kind: str, operation: str) -> None:
    error = ERRORS[kind]
    if isinstance(error, int):
        raise OSError(error, os.strerror(error))  # of the class that goes with the number
    raise error(f"{operation}: {kind}")


class FailingStore(MemoryFileSystem):
    """A store in memory that counts its operations.

    The operations listed in `fail_at` raise once; after `die_at`, all of them raise, as if the
    process had been killed.
    """

    protocol = "failing"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    calls: ClassVar[list[str]] = []
    fail_at: ClassVar[int | None] = None
    die_at: ClassVar[int | None] = None
    kind: ClassVar[str] = LOST

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("failing://", "memory://", 1))

    def _count(self, operation: str) -> None:
        number = len(FailingStore.calls)
        FailingStore.calls.append(operation)
        dead = FailingStore.die_at is not None and number >= FailingStore.die_at
        if dead or number == FailingStore.fail_at:
            _raise(FailingStore.kind, operation)


def _counted(operation: str) -> Any:
    def method(self: FailingStore, *args: Any, **kwargs: Any) -> Any:
        self._count(operation)
        return getattr(MemoryFileSystem, operation)(self, *args, **kwargs)

    return method


def _remove(self: FailingStore, path: str | list[str], **_: Any) -> None:
    """Remove files in no order that anybody may rely on: the last one first."""
    for file in sorted([path] if isinstance(path, str) else path, reverse=True):
        self.rm_file(file)


for _name in ("info", "ls", "cat_file", "pipe_file", "rm_file", "get_file", "put_file", "cp_file"):
    setattr(FailingStore, _name, _counted(_name))
FailingStore.rm = _remove


@contextmanager
def failing_store(
    *, fail_at: int | None = None, die_at: int | None = None, kind: str = LOST
) -> Iterator[list[str]]:
    """Yield the list of operations so far, while the store fails.

    Args:
        fail_at: number of the operation that fails.
        die_at: number of the operation from which all of them fail.
        kind: how they fail, a key of `ERRORS`.
    """
    fsspec.register_implementation("failing", FailingStore, clobber=True)
    FailingStore.calls = []
    FailingStore.fail_at, FailingStore.die_at, FailingStore.kind = fail_at, die_at, kind
    try:
        yield FailingStore.calls
    finally:
        FailingStore.fail_at = FailingStore.die_at = None


def contents() -> dict[str, bytes]:
    """Return the files of the store, but no lease; its writer may have failed to remove it."""
    return {
        name: comparable(name, bytes(file.getvalue()))
        for name, file in FailingStore.store.items()
        if not name.endswith("/.lease")
    }


def fill(files: dict[str, bytes]) -> None:
    """Replace all files of the store."""
    with failing_store():
        store = fsspec.filesystem("failing")
        FailingStore.store.clear()
        FailingStore.pseudo_dirs[:] = [""]
        for name, data in files.items():
            store.pipe_file(name, data)


class _FailingFiles:
    """State of the audit hook below, which cannot be removed once it is added."""

    folder: str | None = None
    calls: ClassVar[list[str]] = []
    fail_at: int | None = None
    die_at: int | None = None
    kind = LOST
    added = False


def _audit(event: str, args: tuple[Any, ...], state: type[_FailingFiles] = _FailingFiles) -> None:
    # The interpreter calls this until its end, when the names of this module are gone.
    if state.folder is None or event not in _EVENTS:
        return
    files = [os.fsdecode(a) for a in args[:2] if isinstance(a, str | bytes)]
    if not any(file.startswith(state.folder) for file in files):
        return
    number = len(state.calls)
    state.calls.append(event)
    if number == state.fail_at or (state.die_at is not None and number >= state.die_at):
        _raise(state.kind, event)


@contextmanager
def failing_files(
    folder: str, *, fail_at: int | None = None, die_at: int | None = None, kind: str = LOST
) -> Iterator[list[str]]:
    """Yield the list of operations so far, while those in a folder of this machine fail.

    The arguments are those of `failing_store`. Only this process is affected, and only operations
    that Python itself does.
    """
    state = _FailingFiles
    if not state.added:
        sys.addaudithook(_audit)
        state.added = True
    state.folder, state.calls, state.fail_at = folder, [], fail_at
    state.die_at, state.kind = die_at, kind
    try:
        yield state.calls
    finally:
        state.folder = None
