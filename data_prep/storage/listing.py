"""Listings of folders. Nothing is opened, so that a FIFO or a device cannot hold them up."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Any

from data_prep.errors import StorageError, StorageMissingError
from data_prep.storage.children import Found, children, problem_of
from data_prep.storage.lasting import is_lasting
from data_prep.storage.retries import retrying_remote
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import absolute, is_local, join, local_path, name, parent, split_scheme

_MAGIC = re.compile(r"[*?\[]")
_KNOWN = 60  # seconds for which a remote folder that could be listed is not listed again
_AT_ONCE = 32  # folders that are listed at the same time; an object store takes 50 ms for each


def list_files(
    folder: str, suffix: str = "", *, recursive: bool = True, hidden: bool = True
) -> list[str]:
    """List the regular files in a folder, sorted.

    Args:
        folder: the folder; a missing one has no files.
        suffix: how the names of the files end.
        recursive: whether to list the files of subfolders too. Links to local folders are
            followed, each folder once.
        hidden: whether to list names that begin with a dot, and what such folders hold.

    Returns:
        URIs that begin with `folder`.

    Raises:
        StorageError: a folder cannot be listed.
    """
    return sorted(
        item.uri
        for item in _walk(folder, recursive=recursive, hidden=hidden)
        if not item.is_folder and not item.problem and item.uri.endswith(suffix)
    )


def survey(folder: str) -> list[Found]:
    """List everything in a folder and its subfolders, sorted, with what cannot be read.

    A hidden file or folder is one item with a problem, and so is a subfolder that cannot be
    listed.

    Raises:
        StorageError: the folder itself cannot be listed, or a subfolder for a reason that may
            pass, such as an input/output error.
    """
    return sorted(_walk(folder, hidden=False, lenient=True), key=lambda item: item.uri)


def why_not_a_file(uri: str) -> str:
    """Say what something is instead of a regular file, without opening it; "" if it is one.

    Reading a FIFO or a device may never end. A remote object is taken for a file.

    Raises:
        StorageError: the storage fails.
    """
    if not is_local(uri):
        return ""
    with storage_errors(uri):
        return problem_of(local_path(uri))


def require_present(uri: str) -> None:
    """Check that what is wrong with a listed file is not the loss of its folder, such as a mount.

    Raises:
        StorageError: the file is gone, or its folder cannot be listed any more.
    """
    if not is_local(uri):
        _require_remote_folder(parent(uri), int(time.monotonic() / _KNOWN))
        return
    with storage_errors(uri):
        try:
            os.stat(local_path(uri))  # noqa: PTH116
        except PermissionError:
            os.scandir(local_path(parent(uri))).close()


@lru_cache(maxsize=64)
@retrying_remote
def _require_remote_folder(folder: str, period: int) -> None:
    """List a remote folder, once in each period: it may hold many files that nobody may read."""
    with storage_errors(folder):
        store, path = open_store(folder)
        store.ls(path, detail=False)


def glob(pattern: str) -> list[str]:
    """List the files that match a pattern with `*`, `?` or `[...]`, sorted.

    A wildcard matches within one component, and no name that begins with a dot. A component that
    exists as it is written, such as a folder named `run [v1]`, is no wildcard.

    Returns:
        Absolute paths, or URIs with the scheme of the pattern.

    Raises:
        StorageError: a folder cannot be listed.
    """
    if is_local(pattern):
        root, path = "/", os.path.abspath(local_path(pattern)).lstrip("/")  # noqa: PTH100
    else:
        scheme, path = split_scheme(pattern)
        root = f"{scheme}://"
    *folders, last = path.split("/")
    places = [root]
    for part in folders:
        places = [uri for place in places for uri in _matching(place, part)]
    return sorted(uri for place in places for uri in _matching(place, last) if _type(uri) == "file")


def _matching(folder: str, part: str) -> list[str]:
    literal = join(folder, part)
    if not _MAGIC.search(part) or _type(literal):
        return [literal]
    names = {name(item.uri): item.uri for item in children(folder)}
    return [uri for own, uri in names.items() if own[0] != "." and fnmatchcase(own, part)]


@retrying_remote
def _type(uri: str) -> str:
    """Return "file", "directory" or another type of fsspec; "" if there is no such thing."""
    with suppress(StorageMissingError), storage_errors(uri):
        store, path = open_store(uri)
        with suppress(NotADirectoryError):  # the path leads through a file
            return str(store.info(path)["type"])
    return ""


def _walk(
    folder: str, *, recursive: bool = True, hidden: bool = True, lenient: bool = False
) -> Iterator[Found]:
    """Yield what a folder holds; links to folders are followed at the end, each folder once.

    Args:
        folder: the folder.
        recursive: whether to yield what its subfolders hold.
        hidden: whether to take names that begin with a dot.
        lenient: whether to yield what is hidden or cannot be listed as a problem.
    """
    seen: set[str] = set()
    folders, links = [Found(folder, is_folder=True)], list[Found]()
    while folders or links:
        places = folders or [links.pop(0)]
        folders, wanted = [], list[Found]()
        for place in places:
            if repeated := _repeats(place, folder, seen):
                yield replace(place, problem=repeated)
            else:
                wanted.append(place)
        for place, found in zip(wanted, _children_of(wanted, stamped=lenient), strict=True):
            if isinstance(found, StorageError):
                if not lenient or place.uri == folder or not is_lasting(found):
                    raise found
                yield replace(place, problem=f"folder cannot be listed: {found.reason}")
                continue
            for item in found:
                if not hidden and name(item.uri).startswith("."):
                    yield replace(item, problem="is hidden: its name begins with a dot")
                elif not item.is_folder:
                    yield item
                elif recursive:
                    (links if item.is_link else folders).append(item)
            if place.uri != folder:
                yield place


def _children_of(
    folders: Sequence[Found], *, stamped: bool
) -> Iterator[list[Found] | StorageError]:
    """Yield what each folder holds, or why it cannot be listed, in the order of the folders."""
    if len(folders) < 2:
        yield from (_attempt(folder, stamped=stamped) for folder in folders)
        return
    attempt = partial(_attempt, stamped=stamped, store=_shared_store(folders[0].uri))
    with ThreadPoolExecutor(min(_AT_ONCE, len(folders)), "listing") as pool:
        yield from pool.map(attempt, folders)


def _shared_store(folder: str) -> Any:
    """Return the file system of a folder if many threads can use it at once, otherwise None.

    Each thread would open another one, with sessions and credentials to look for.
    """
    if is_local(folder):
        return None
    store, _ = open_store(folder)
    return store if store.async_impl else None


def _attempt(folder: Found, *, stamped: bool, store: Any = None) -> list[Found] | StorageError:
    try:
        return children(folder.uri, stamped=stamped, store=store)
    except StorageError as error:
        return error


def _repeats(place: Found, root: str, seen: set[str]) -> str:
    """Say why a folder is not listed (again); "" if it is listed now."""
    real = absolute(place.uri)
    if real in seen:
        return "leads to a folder that is listed already"
    seen.add(real)
    if place.is_link and f"{absolute(root)}/".startswith(f"{real}/"):
        return "is a link to a folder that holds it"
    return ""
