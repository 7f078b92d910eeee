"""The bytes of a media file, for libav to read: on this machine, or in a store by ranges."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import FileIO
from pathlib import Path
from typing import Protocol

from data_prep.storage import is_local
from data_prep.storage.byte_ranges import RemoteFile
from data_prep.storage.uris import local_path


class _Raw(Protocol):
    def read(self, size: int, /) -> bytes | None: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...
    def tell(self) -> int: ...


class _Remote(_Raw, Protocol):
    size: int


open_remote: Callable[[str, int | None], AbstractContextManager[_Remote]] = RemoteFile
"""Opens a remote file that should have so many bytes; None if that is not known. A process that
decodes for another one lets that one read it."""


class MediaFile:
    """A file for libav to read.

    libav takes an error of the storage for the end of the file, or for corrupt data, so the error
    is kept here. The empty name leaves the format to the content alone.

    Attributes:
        size: of the file in bytes.
        error: what the storage raised; None if it did not fail.
    """

    name = ""

    def __init__(self, raw: _Raw, size: int):
        self._raw = raw
        self.size = size
        self.error: OSError | None = None

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end of the file."""
        try:
            return self._raw.read(size) or b""
        except OSError as error:
            self.error = error
            # A StorageError is a ValueError too, which would be taken for one of PyAV's checks.
            raise OSError("the storage failed") from error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset, as `io.IOBase.seek` does."""
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._raw.tell()


def path_if_local(path: str | Path) -> Path | None:
    """Return where a file is on this machine; None if it is in a store."""
    if isinstance(path, Path):
        return path
    return Path(local_path(path)) if is_local(path) else None


@contextmanager
def media_file(path: str | Path, size: int | None = None) -> Iterator[MediaFile]:
    """Open a file: a path on this machine, or a URI.

    Args:
        path: the file.
        size: bytes that it should have, if that is known. It is not checked here.

    Raises:
        OSError: it cannot be opened; a StorageError if it is remote.
    """
    local = path_if_local(path)
    if local is not None:
        with FileIO(local) as file:
            yield MediaFile(file, os.fstat(file.fileno()).st_size)
    else:
        with open_remote(str(path), size) as remote:
            yield MediaFile(remote, remote.size)
