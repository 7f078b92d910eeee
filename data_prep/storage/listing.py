"""Listings of folders."""

import os
from collections.abc import Iterator
from pathlib import Path

from fsspec.core import has_magic

from data_prep.storage.stores import open_store, reported
from data_prep.storage.uris import is_local, join, local_path, split_scheme


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
    with reported(folder):
        if is_local(folder):
            found = _walk(local_path(folder), recursive, hidden)
        else:
            found = _find(folder, recursive, hidden)
        return sorted(join(folder, item) for item in found if item.endswith(suffix))


def glob(pattern: str) -> list[str]:
    """List the files and folders that match a pattern with `*`, `?` or `[...]`, sorted.

    Local matches are absolute paths.
    """
    with reported(pattern):
        store, path = open_store(pattern)
        scheme, _ = split_scheme(pattern)
        matches = store.glob(path) if has_magic(path) else [path] if store.exists(path) else []
        prefix = "" if is_local(pattern) else f"{scheme}://"
        return sorted(prefix + (item.lstrip("/") if prefix else item) for item in matches)


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
    store, root = open_store(folder)
    for path in store.find(root, maxdepth=None if recursive else 1):
        relative = path.removeprefix(root).strip("/")
        if relative and (hidden or not any(p.startswith(".") for p in relative.split("/"))):
            yield relative
