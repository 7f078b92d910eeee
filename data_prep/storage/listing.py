"""Listings of folders. Nothing is opened, so that a FIFO or a device cannot hold them up."""

import errno
import os
import re
import stat
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from data_prep.errors import StorageError, StorageMissingError
from data_prep.storage.lasting import OF_THE_FILE, is_lasting
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import absolute, is_local, join, local_path, name, parent, split_scheme

_MAGIC = re.compile(r"[*?\[]")
_KNOWN = 60  # seconds for which a remote folder that could be listed is not listed again
_FOLDER = "is a folder, not a file"
_SPECIAL = {
    stat.S_IFDIR: _FOLDER,
    stat.S_IFBLK: "is a block device, not a regular file",
    stat.S_IFCHR: "is a character device, not a regular file",
    stat.S_IFIFO: "is a named pipe, not a regular file",
    stat.S_IFSOCK: "is a socket, not a regular file",
}


@dataclass(frozen=True)
class Found:
    """Something that a folder holds.

    Attributes:
        uri: it begins with the folder that was listed.
        is_folder: whether it is a folder or leads to one.
        is_link: whether it is a link on a local file system.
        problem: why it is not read, for people; "" for a regular file or a folder.
    """

    uri: str
    is_folder: bool = False
    is_link: bool = False
    problem: str = ""


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
        return _problem(local_path(uri))


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
    names = {name(item.uri): item.uri for item in _children(folder)}
    return [uri for own, uri in names.items() if own[0] != "." and fnmatchcase(own, part)]


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
    folders, links = deque([Found(folder, is_folder=True)]), deque[Found]()
    while folders or links:
        place = (folders or links).popleft()
        if repeated := _repeats(place, folder, seen):
            yield replace(place, problem=repeated)
            continue
        try:
            children = _children(place.uri)
        except StorageError as error:
            if not lenient or place.uri == folder or not is_lasting(error):
                raise
            yield replace(place, problem=f"folder cannot be listed: {error.reason}")
            continue
        for item in children:
            if not hidden and name(item.uri).startswith("."):
                yield replace(item, problem="is hidden: its name begins with a dot")
            elif not item.is_folder:
                yield item
            elif recursive:
                (links if item.is_link else folders).append(item)
        if place.uri != folder:
            yield place


def _repeats(place: Found, root: str, seen: set[str]) -> str:
    """Say why a folder is not listed (again); "" if it is listed now."""
    real = absolute(place.uri)
    if real in seen:
        return "leads to a folder that is listed already"
    seen.add(real)
    if place.is_link and f"{absolute(root)}/".startswith(f"{real}/"):
        return "is a link to a folder that holds it"
    return ""


def _children(folder: str) -> list[Found]:
    """List what a folder holds, sorted; nothing if it is missing or a file."""
    with suppress(StorageMissingError), storage_errors(folder), suppress(NotADirectoryError):
        found = _local(folder) if is_local(folder) else _remote(folder)
        return sorted(found, key=lambda item: item.uri)
    return []


def _local(folder: str) -> Iterator[Found]:
    with os.scandir(local_path(folder)) as entries:
        for entry in entries:
            uri = join(folder, entry.name)
            if entry.is_file(follow_symlinks=False):
                yield Found(uri)
                continue
            problem, is_link = _problem(entry.path), entry.is_symlink()
            if problem == _FOLDER:
                yield Found(uri, is_folder=True, is_link=is_link)
            else:
                yield Found(uri, is_link=is_link, problem=problem)


def _remote(folder: str) -> Iterator[Found]:
    """List a remote folder with `ls`; fsspec's own `find` takes a failure for an empty folder."""
    store, root = open_store(folder)
    for item in store.ls(root, detail=True):
        path = item["name"].rstrip("/")
        if path != root.rstrip("/"):  # a file or a folder that lists itself, as some stores do
            uri = join(folder, path.rpartition("/")[2])
            problem = "is not a regular file" if item["type"] == "other" else ""
            yield Found(uri, is_folder=item["type"] == "directory", problem=problem)


def _problem(path: str) -> str:
    """Say what a local path is instead of a regular file; "" if it is one."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  (a Path costs as much as the call)
    except OSError as error:
        if error.errno not in OF_THE_FILE:
            raise
        return _problem_of_link(path, error) or f"cannot be read: {error.strerror}"
    if stat.S_ISREG(mode):
        return ""
    return _SPECIAL.get(stat.S_IFMT(mode), "is not a regular file")


def _problem_of_link(path: str, error: OSError) -> str:
    """Say why a link cannot be followed; "" if the path is none."""
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself"
    if error.errno != errno.ENOENT or not os.path.islink(path):  # noqa: PTH114
        return ""
    annexed = ".git/annex/" in os.readlink(path)  # noqa: PTH115
    hint = "; `git annex get` fetches it" if annexed else ""
    return f"is a link to a file that does not exist{hint}"
