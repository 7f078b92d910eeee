"""An object store that fails: fsspec's store in memory, whose k-th operation raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

ROOT = "failing://bucket"


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

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("failing://", "memory://", 1))

    def _count(self, operation: str) -> None:
        number = len(FailingStore.calls)
        FailingStore.calls.append(operation)
        dead = FailingStore.die_at is not None and number >= FailingStore.die_at
        if dead or number == FailingStore.fail_at:
            raise ConnectionError(f"{operation}: connection lost")


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
def failing_store(*, fail_at: int | None = None, die_at: int | None = None) -> Iterator[list[str]]:
    """Yield the list of operations so far, while the store fails."""
    fsspec.register_implementation("failing", FailingStore, clobber=True)
    FailingStore.calls = []
    FailingStore.fail_at, FailingStore.die_at = fail_at, die_at
    try:
        yield FailingStore.calls
    finally:
        FailingStore.fail_at = FailingStore.die_at = None


def contents() -> dict[str, bytes]:
    """Return the files of the store."""
    return {name: bytes(file.getvalue()) for name, file in FailingStore.store.items()}


def fill(files: dict[str, bytes]) -> None:
    """Replace all files of the store."""
    with failing_store():
        store = fsspec.filesystem("failing")
        FailingStore.store.clear()
        FailingStore.pseudo_dirs[:] = [""]
        for name, data in files.items():
            store.pipe_file(name, data)
