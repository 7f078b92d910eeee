"""Files one at a time: reading, writing, removing, and local copies of remote ones."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from fsspec.core import has_magic

from data_prep.errors import StorageError, StorageMissingError
from data_prep.storage.stores import open_store, reported
from data_prep.storage.uris import is_local, local_path


def exists(uri: str) -> bool:
    """Say whether a file or a folder exists."""
    return _kind(uri) is not None


def is_dir(uri: str) -> bool:
    """Say whether a URI names a folder."""
    return _kind(uri) == "directory"


def is_file(uri: str) -> bool:
    """Say whether a URI names a file."""
    return _kind(uri) == "file"


def is_empty(folder: str) -> bool:
    """Say whether a folder is missing or holds nothing."""
    with suppress(StorageMissingError), reported(folder):
        store, path = open_store(folder)
        return not store.ls(path, detail=False)
    return True


def read_bytes(uri: str, limit: int | None = None) -> bytes:
    """Read a file, or its first `limit` bytes."""
    with reported(uri):
        store, path = open_store(uri)
        return bytes(store.cat_file(path, end=limit))


def read_text(uri: str) -> str:
    """Read a UTF-8 text file; a byte order mark is dropped, line ends are kept."""
    try:
        return read_bytes(uri).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StorageError(uri, f"must be UTF-8 text: {error}") from error


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file atomically, and make its folder if it is missing."""
    if is_local(uri):
        with replacing(uri) as temporary:
            temporary.write_bytes(data)
    else:
        with reported(uri):
            store, path = open_store(uri)
            store.pipe_file(path, data)


def write_text(uri: str, text: str) -> None:
    """Write a UTF-8 text file atomically, and make its folder if it is missing."""
    write_bytes(uri, text.encode())


def make_dirs(folder: str) -> None:
    """Make a folder and those above it. An object store has no folders, so nothing is done."""
    if is_local(folder):
        with reported(folder):
            Path(local_path(folder)).mkdir(parents=True, exist_ok=True)


def remove(uri: str) -> None:
    """Remove a file; a missing one is fine."""
    with suppress(StorageMissingError), reported(uri):
        store, path = open_store(uri)
        store.rm_file(path)


def remove_tree(folder: str) -> None:
    """Remove a folder and all that it holds; a missing one is fine."""
    with suppress(StorageMissingError), reported(folder):
        if is_local(folder):
            shutil.rmtree(local_path(folder))
        else:
            store, path = open_store(folder)
            if has_magic(path):  # `rm` would take it for a pattern
                for file in store.find(path):
                    store.rm_file(file)
            else:
                store.rm(path, recursive=True)


@contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """Give a local path to a file for as long as the context lasts.

    Args:
        uri: a local path, which is given as it is, or a remote file, which is downloaded to a
            temporary file.

    Raises:
        StorageError: the remote file cannot be read.
    """
    if is_local(uri):
        yield Path(local_path(uri))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"copy{PurePosixPath(uri).suffix}")
        with reported(uri):
            store, remote = open_store(uri)
            store.get_file(remote, str(path))
        yield path


@contextmanager
def replacing(uri: str, *, drafts: str | None = None) -> Iterator[Path]:
    """Give a temporary local path that becomes the file once the context ends without an error.

    A local file is renamed into its folder, which is made if missing; a remote one is uploaded.

    Args:
        uri: the file; an existing one is replaced.
        drafts: folder of the temporary file, on the same file system, if both are local; by
            default the file's own. A killed process leaves its draft there.

    Raises:
        StorageError: the file cannot be put in its place.
    """
    if is_local(uri):
        final = Path(local_path(uri))
        folder = Path(local_path(drafts)) if drafts else final.parent
        make_dirs(str(final.parent))
        make_dirs(str(folder))
        # Each writer has its own name, because two workers may make the same file at the same time.
        temporary = folder / f".{final.name}.{uuid.uuid4().hex}.tmp"
        try:
            yield temporary
            with reported(uri):
                temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        temporary = Path(scratch, PurePosixPath(uri).name)
        yield temporary
        with reported(uri):
            store, remote = open_store(uri)
            store.put_file(str(temporary), remote)


def _kind(uri: str) -> str | None:
    """Return "file" or "directory"; None if there is no such thing."""
    with suppress(StorageMissingError), reported(uri):
        store, path = open_store(uri)
        with suppress(NotADirectoryError):  # the path leads through a file
            return store.info(path)["type"]
    return None
