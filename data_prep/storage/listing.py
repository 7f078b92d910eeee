"""Listings of folders."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from data_prep.errors import StorageError
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import is_local, join, local_path, split_scheme

_MAGIC = re.compile(r"[*?\[]")


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
    with storage_errors(folder):
        if is_local(folder):
            found = _walk(local_path(folder), recursive, hidden)
        else:
            found = _find(folder, recursive, hidden)
        return sorted(join(folder, item) for item in found if item.endswith(suffix))


def glob(pattern: str) -> list[str]:
    """List the files that match a pattern with `*`, `?` or `[...]`, sorted.

    Folders are left out, and so are the names beginning with a dot that a wildcard matches. A
    pattern made from a folder's name finds nothing if that name holds `[`; use `list_files` for a
    known folder.

    Returns:
        Absolute paths, or URIs with the scheme of the pattern.
    """
    with storage_errors(pattern):
        store, path = open_store(pattern)
        scheme, _ = split_scheme(pattern)
        wildcard = _MAGIC.search(path)
        if wildcard is None:
            matches = [path] if store.isfile(path) else []
        else:
            fixed = path.count("/", 0, wildcard.start())
            matches = [
                item
                for item, info in store.glob(path, detail=True).items()
                if info["type"] == "file" and not _is_hidden(item.split("/")[fixed:])
            ]
        prefix = "" if is_local(pattern) else f"{scheme}://"
        return sorted(prefix + (item.lstrip("/") if prefix else item) for item in matches)


def _walk(folder: str, recursive: bool, hidden: bool) -> Iterator[str]:
    """List the files below a local folder, as paths relative to it."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_unless_missing):
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
    """List the files below a remote folder, as paths relative to it.

    fsspec's own `find` takes a folder that cannot be listed for an empty one.
    """
    store, root = open_store(folder)
    folders = [root]
    while folders:
        place = folders.pop()
        with suppress(FileNotFoundError):
            for item in store.ls(place, detail=True):
                relative = item["name"].removeprefix(root).strip("/")
                if item["name"].rstrip("/") == place.rstrip("/") and item["type"] == "directory":
                    continue  # the folder itself, as some object stores list it
                if not hidden and _is_hidden(relative.split("/")):
                    continue
                if item["type"] == "directory":
                    folders += [item["name"]] if recursive else []
                elif relative:
                    yield relative


def _unless_missing(error: OSError) -> None:
    """Raise what `os.walk` would pass over in silence, unless there is no such folder."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise StorageError(error.filename, error.strerror or str(error)) from error


def _is_hidden(names: Sequence[str]) -> bool:
    return any(name.startswith(".") for name in names)
