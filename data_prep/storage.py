"""Files, on this machine or in an object store: the one layer through which all data goes.

A path is a URI: `s3://bucket/file`, `gs://bucket/file`, or simply a local path. Any scheme that
fsspec knows works, once its package is installed. Every failure is a `StorageError`.
"""

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.core import has_magic

from data_prep.errors import StorageError, StorageMissingError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_EXTRAS = {"gcs": "gcs", "gs": "gcs", "s3": "s3", "s3a": "s3"}


def join(folder: str, *names: str) -> str:
    """Return the URI of a file or folder inside a folder."""
    parts = [name.strip("/") for name in names]
    if folder.endswith("/"):  # "/", "memory://" and folders written with a slash
        return folder + "/".join(parts)
    return "/".join([folder, *parts]) if folder else "/".join(parts)


def parent(uri: str) -> str:
    """Return the folder of a file or folder."""
    scheme, path = _split(uri)
    if scheme:
        folder, slash, _ = path.rstrip("/").rpartition("/")
        return f"{scheme}://{folder}{slash if not folder else ''}"
    return os.path.dirname(uri.rstrip("/")) or ("/" if uri.startswith("/") else ".")


def name(uri: str) -> str:
    """Return the last component of a URI."""
    return PurePosixPath(uri).name


def absolute(uri: str) -> str:
    """Return the URI without a trailing slash; a local path also absolute and free of links."""
    if is_local(uri):
        return os.path.realpath(_local(uri))
    return uri.rstrip("/") if _split(uri)[1].strip("/") else uri


def is_local(uri: str) -> bool:
    """Say whether a URI names something on this machine's file system."""
    return _split(uri)[0] in ("", "file")


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
    with suppress(StorageMissingError), _failures(folder):
        store, path = _store(folder)
        return not store.ls(path, detail=False)
    return True


def read_bytes(uri: str, limit: int | None = None) -> bytes:
    """Read a file, or its first `limit` bytes."""
    with _failures(uri):
        store, path = _store(uri)
        return bytes(store.cat_file(path, end=limit))


def read_text(uri: str) -> str:
    """Read a UTF-8 text file; a byte order mark is dropped, line ends are kept."""
    try:
        return read_bytes(uri).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StorageError(uri, f"must be UTF-8 text: {error}") from error


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file whole or not at all, and make its folder if it is missing."""
    if is_local(uri):
        with replacing(uri) as temporary:
            temporary.write_bytes(data)
    else:
        with _failures(uri):
            store, path = _store(uri)
            store.pipe_file(path, data)


def write_text(uri: str, text: str) -> None:
    """Write a UTF-8 text file whole or not at all, and make its folder if it is missing."""
    write_bytes(uri, text.encode())


def list_files(
    folder: str, suffix: str = "", *, recursive: bool = True, hidden: bool = True
) -> list[str]:
    """List the files in a folder, sorted.

    Args:
        folder: the folder; a missing one has no files.
        suffix: how the names of the files end.
        recursive: whether to list the files of subfolders too. Links to local folders are
            followed, each folder once.
        hidden: whether to list names that begin with a dot, and what such folders hold.

    Returns:
        URIs that begin with `folder`.
    """
    with _failures(folder):
        if is_local(folder):
            found = _walk(_local(folder), recursive, hidden)
        else:
            found = _find(folder, recursive, hidden)
        return sorted(join(folder, item) for item in found if item.endswith(suffix))


def glob(pattern: str) -> list[str]:
    """List the files and folders that match a pattern with `*`, `?` or `[...]`, sorted.

    Local matches are absolute paths.
    """
    with _failures(pattern):
        store, path = _store(pattern)
        scheme, _ = _split(pattern)
        matches = store.glob(path) if has_magic(path) else [path] if store.exists(path) else []
        prefix = "" if is_local(pattern) else f"{scheme}://"
        return sorted(prefix + (item.lstrip("/") if prefix else item) for item in matches)


def make_dirs(folder: str) -> None:
    """Make a folder and those above it. An object store has no folders, so nothing is done."""
    if is_local(folder):
        with _failures(folder):
            Path(_local(folder)).mkdir(parents=True, exist_ok=True)


def remove(uri: str) -> None:
    """Remove a file; a missing one is fine."""
    with suppress(StorageMissingError), _failures(uri):
        store, path = _store(uri)
        store.rm_file(path)


def remove_tree(folder: str) -> None:
    """Remove a folder and all that it holds; a missing one is fine."""
    with suppress(StorageMissingError), _failures(folder):
        if is_local(folder):
            shutil.rmtree(_local(folder))
        else:
            store, path = _store(folder)
            store.rm(path, recursive=True)


def copy(source: str, target: str) -> None:
    """Copy a file, replacing the target whole or not at all."""
    if not is_local(source) and _split(source)[0] == _split(target)[0]:
        with _failures(source):
            store, path = _store(source)
            store.cp_file(path, _store(target)[1])
    else:
        with local_copy(source) as local, replacing(target) as temporary, _failures(source):
            shutil.copyfile(local, temporary)


def copy_tree(source: str, target: str) -> None:
    """Copy all files of a folder into another one."""
    for file in list_files(source):
        copy(file, join(target, file[len(source) :]))


def move(source: str, target: str) -> None:
    """Move a file or a folder, replacing the target.

    On this machine's file system this is one rename; elsewhere each file is copied and removed.
    """
    if is_local(source) and is_local(target):
        if is_dir(target):
            remove_tree(target)
        make_dirs(parent(target))
        with _failures(source):
            shutil.move(_local(source), _local(target))
    elif is_dir(source):
        remove_tree(target)
        copy_tree(source, target)
        remove_tree(source)
    else:
        copy(source, target)
        remove(source)


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
        yield Path(_local(uri))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"copy{PurePosixPath(uri).suffix}")
        with _failures(uri):
            store, remote = _store(uri)
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
        final = Path(_local(uri))
        folder = Path(_local(drafts)) if drafts else final.parent
        make_dirs(str(final.parent))
        make_dirs(str(folder))
        # Each writer has its own name, because two workers may make the same file at the same time.
        temporary = folder / f".{final.name}.{uuid.uuid4().hex}.tmp"
        try:
            yield temporary
            with _failures(uri):
                temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        temporary = Path(scratch, PurePosixPath(uri).name)
        yield temporary
        with _failures(uri):
            store, remote = _store(uri)
            store.put_file(str(temporary), remote)


def _split(uri: str) -> tuple[str, str]:
    """Split a URI into its scheme, "" for a local path, and the rest."""
    match = _SCHEME.match(uri)
    return (match[1].lower(), uri[match.end() :]) if match else ("", uri)


def _local(uri: str) -> str:
    return _split(uri)[1]


def _store(uri: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URI and the path in it."""
    scheme, rest = _split(uri)
    if scheme in ("", "file"):
        return fsspec.filesystem("file"), str(Path(rest).absolute())
    try:
        # Listings are never cached: other processes write to the same folders.
        store = fsspec.filesystem(scheme, use_listings_cache=False)
    except ValueError as error:
        raise StorageError(uri, f"unknown scheme {scheme}://") from error
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        fix = f"pip install layered-video[{extra}]" if extra else str(error)
        raise StorageError(uri, f"{scheme}:// needs a package that is not installed: {fix}") from (
            error
        )
    return store, store._strip_protocol(uri)


def _kind(uri: str) -> str | None:
    """Return "file" or "directory"; None if there is no such thing."""
    with suppress(StorageMissingError), _failures(uri):
        store, path = _store(uri)
        with suppress(NotADirectoryError):  # the path leads through a file
            return store.info(path)["type"]
    return None


def _walk(folder: str, recursive: bool, hidden: bool) -> Iterator[str]:
    """List the files below a local folder, as paths relative to it."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for item in names:
            path = Path(place, item)
            if (hidden or not item.startswith(".")) and path.is_file():
                yield str(path.relative_to(folder))
        folders[:] = sorted(f for f in folders if recursive and (hidden or f[:1] != "."))


def _find(folder: str, recursive: bool, hidden: bool) -> Iterator[str]:
    """List the files below a remote folder, as paths relative to it."""
    store, root = _store(folder)
    for path in store.find(root, maxdepth=None if recursive else 1):
        relative = path.removeprefix(root).strip("/")
        if relative and (hidden or not any(p.startswith(".") for p in relative.split("/"))):
            yield relative


@contextmanager
def _failures(uri: str) -> Iterator[None]:
    """Turn whatever a store raises into a StorageError."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise StorageMissingError(uri, "no such file or folder") from error
    except Exception as error:  # each store has error classes of its own
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StorageError(uri, " ".join(str(reason).split())) from error
