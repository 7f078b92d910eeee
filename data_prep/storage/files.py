"""Files one at a time: reading, writing, removing, and local copies of remote ones."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from fsspec.core import has_magic

from data_prep.errors import StorageError, StorageMissingError
from data_prep.storage.listing import list_files
from data_prep.storage.retries import retrying_remote
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import hidden_sibling, is_draft, is_local, join, local_path, name

LEASE = ".lease"
"""A hidden file in a folder that is being written; it names the writer (see `leases`)."""


def exists(uri: str) -> bool:
    """Say whether a file or a folder exists."""
    return _kind(uri) is not None


def is_dir(uri: str) -> bool:
    """Say whether a URI names a folder."""
    return _kind(uri) == "directory"


def is_file(uri: str) -> bool:
    """Say whether a URI names a file."""
    return _kind(uri) == "file"


@retrying_remote
def is_empty(folder: str) -> bool:
    """Say whether a folder is missing or holds nothing but a lease, or drafts of killed writers."""
    with suppress(StorageMissingError), storage_errors(folder):
        store, path = open_store(folder)
        items = store.ls(path, detail=False)
        return all(name(item) == LEASE or is_draft(item) for item in items)
    return True


@retrying_remote
def size(uri: str) -> int:
    """Return the size of a file in bytes."""
    with storage_errors(uri):
        store, path = open_store(uri)
        return int(store.info(path)["size"])


@retrying_remote
def read_bytes(uri: str, limit: int | None = None, *, start: int = 0) -> bytes:
    """Read a file, or its bytes from `start` up to `limit`."""
    with storage_errors(uri):
        store, path = open_store(uri)
        return bytes(store.cat_file(path, start=start or None, end=limit))


def read_text(uri: str) -> str:
    """Read a UTF-8 text file; a byte order mark is dropped, line ends are kept."""
    try:
        return read_bytes(uri).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StorageError(uri, f"must be UTF-8 text: {error}") from error


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file atomically, and make its folder if it is missing."""
    if is_local(uri):
        with replacing(uri) as draft:
            draft.write_bytes(data)
    else:
        _store(uri, data)


def write_text(uri: str, text: str) -> None:
    """Write a UTF-8 text file atomically, and make its folder if it is missing."""
    write_bytes(uri, text.encode())


def make_dirs(folder: str) -> None:
    """Make a folder and those above it. An object store has no folders, so nothing is done."""
    if is_local(folder):
        with storage_errors(folder):
            Path(local_path(folder)).mkdir(parents=True, exist_ok=True)


@retrying_remote
def remove(uri: str) -> None:
    """Remove a file; a missing one is fine."""
    with suppress(StorageMissingError), storage_errors(uri):
        store, path = open_store(uri)
        store.rm_file(path)


def remove_drafts(folder: str) -> None:
    """Remove what killed writers left in a folder, to which nobody else may write meanwhile."""
    for file in list_files(folder, ".tmp", recursive=False):
        if is_draft(file):
            remove(file)


def remove_if_empty(folder: str) -> None:
    """Remove a folder that holds nothing. An object store has no folders, so nothing is done."""
    if is_local(folder):
        with suppress(OSError):  # it holds something, or is gone
            Path(local_path(folder)).rmdir()


def remove_tree(folder: str) -> None:
    """Remove a folder and all that it holds; a missing one is fine."""
    with suppress(StorageMissingError):
        if is_local(folder):
            with storage_errors(folder):
                shutil.rmtree(local_path(folder))
        else:
            _remove_remote_tree(folder)


@contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """Yield a local path to a file for as long as the context lasts.

    Args:
        uri: a local path, which is yielded as it is, or a remote file, which is downloaded to a
            temporary file.

    Raises:
        StorageError: the remote file cannot be read.
    """
    if is_local(uri):
        yield Path(local_path(uri))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"copy{PurePosixPath(uri).suffix}")
        _download(uri, path)
        yield path


@contextmanager
def replacing(uri: str, *, drafts: str | None = None) -> Iterator[Path]:
    """Yield a temporary local path that becomes the file once the context ends without an error.

    A local file is renamed into its folder, which is made if missing; a remote one is uploaded.
    The contents are on the disk before the name is, so that a power loss leaves no empty file.

    Args:
        uri: the file; an existing one is replaced.
        drafts: folder of the temporary file, on the same file system, if both are local; by
            default the file's own. A killed process leaves its draft there.

    Raises:
        StorageError: the draft cannot be written, or the file cannot be put in its place.
    """
    if is_local(uri):
        final = Path(local_path(uri))
        # Each writer has its own name, because two workers may make the same file at the same time.
        draft = Path(local_path(hidden_sibling(join(drafts, final.name) if drafts else uri, "tmp")))
        make_dirs(str(final.parent))
        make_dirs(str(draft.parent))
        try:
            with _errors_of_drafts(uri):
                yield draft
            with storage_errors(uri):
                _sync(draft)
                draft.replace(final)
        finally:
            with storage_errors(uri):
                draft.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch, name(uri))
        with _errors_of_drafts(uri):
            yield draft
        _upload(draft, uri)


@contextmanager
def _errors_of_drafts(uri: str) -> Iterator[None]:
    """Report a failure to write a draft, such as a full disk, about the file that was meant."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        with storage_errors(uri):
            raise error


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@retrying_remote
def _store(uri: str, data: bytes) -> None:
    with storage_errors(uri):
        store, path = open_store(uri)
        store.pipe_file(path, data)


@retrying_remote
def _download(uri: str, path: Path) -> None:
    with storage_errors(uri):
        store, remote = open_store(uri)
        store.get_file(remote, str(path))


@retrying_remote
def _upload(path: Path, uri: str) -> None:
    with storage_errors(uri):
        store, remote = open_store(uri)
        store.put_file(str(path), remote)


@retrying_remote
def _remove_remote_tree(folder: str) -> None:
    """Remove the files of a remote folder, then the folder itself if its store has such things.

    fsspec's own recursive removal takes a folder that cannot be listed for an empty one.
    """
    with storage_errors(folder):
        store, path = open_store(folder)
        files = [open_store(file)[1] for file in list_files(folder)]
        plain = [file for file in files if not has_magic(file)]
        if plain:
            store.rm(plain)  # in one request, if the store can
        for file in files:
            if has_magic(file):  # `rm` would take it for a pattern
                store.rm_file(file)
        if not has_magic(path) and store.isdir(path):
            store.rm(path, recursive=True)


@retrying_remote
def _kind(uri: str) -> str | None:
    """Return "file" or "directory"; None if there is no such thing."""
    with suppress(StorageMissingError), storage_errors(uri):
        store, path = open_store(uri)
        with suppress(NotADirectoryError):  # the path leads through a file
            return store.info(path)["type"]
    return None
