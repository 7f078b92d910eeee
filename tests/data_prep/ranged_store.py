"""An object store that counts the bytes that it hands out, and may fail while it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem


class StoreError(Exception):
    """Some class that only this store knows, as those of object stores are."""


class _Object(AbstractBufferedFile):
    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.give(self.path, start, end)


class RangedStore(AbstractFileSystem):
    """Objects in memory, read by ranges.

    `error` is raised by every request from number `fail_from` on; `short` bytes are missing from
    every answer.
    """

    protocol = "ranged"
    cachable = False
    objects: ClassVar[dict[str, bytes]] = {}
    requests: ClassVar[list[int]] = []  # bytes of each
    error: ClassVar[Exception] = StoreError("slow down")
    lookups: ClassVar[list[str]] = []  # what was asked for its size
    fail_from: ClassVar[int | None] = None
    short: ClassVar[int] = 0

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        self.lookups.append(path)
        if path not in self.objects:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.objects[path]), "type": "file"}

    def _open(self, path: str, mode: str = "rb", **options: Any) -> _Object:
        return _Object(self, path, mode, **options)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any):
        return self.give(path, start, end)

    def give(self, path: str, start: int | None, end: int | None) -> bytes:
        if self.fail_from is not None and len(self.requests) >= self.fail_from:
            raise self.error
        if path not in self.objects:
            raise FileNotFoundError(path)
        data = self.objects[path][start:end]
        self.requests.append(len(data))
        return data[: len(data) - self.short]


@contextmanager
def ranged_store(
    files: dict[str, bytes],
    *,
    fail_from: int | None = None,
    error: Exception | None = None,
    short: int = 0,
) -> Iterator[list[int]]:
    """Yield the bytes of every answer so far, while `ranged://NAME` are these files."""
    fsspec.register_implementation("ranged", RangedStore, clobber=True)
    RangedStore.objects, RangedStore.requests, RangedStore.lookups = files, [], []
    RangedStore.error = error or StoreError("slow down")
    RangedStore.fail_from, RangedStore.short = fail_from, short
    try:
        yield RangedStore.requests
    finally:
        RangedStore.objects, RangedStore.fail_from, RangedStore.short = {}, None, 0
