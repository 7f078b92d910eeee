"""What one folder holds, with what is no regular file. Nothing is opened."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from data_prep.errors import StorageMissingError
from data_prep.storage.lasting import OF_THE_FILE
from data_prep.storage.retries import retrying_remote
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import is_local, join, local_path

_FOLDER = "is a folder, not a file"
_SPECIAL = {
    stat.S_IFDIR: _FOLDER,
    stat.S_IFBLK: "is a block device, not a regular file",
    stat.S_IFCHR: "is a character device, not a regular file",
    stat.S_IFIFO: "is a named pipe, not a regular file",
    stat.S_IFSOCK: "is a socket, not a regular file",
}
# What stores call something that changes with the content of a file, the best first.
_VERSIONS = ("etag", "ETag", "generation", "LastModified", "last_modified", "mtime", "updated")


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a folder holds.

    Attributes:
        uri: it begins with the folder that was listed.
        is_folder: whether it is a folder or leads to one.
        is_link: whether it is a link on a local file system.
        problem: why it is not read, for people; "" for a regular file or a folder.
        stamp: of a file that `survey` lists, its size and the time of its last change or its
            etag; a file with the same stamp has the same content. "" if its store tells neither.
    """

    uri: str
    is_folder: bool = False
    is_link: bool = False
    problem: str = ""
    stamp: str = ""


@retrying_remote
def children(folder: str, *, stamped: bool = False, store: Any = None) -> list[Found]:
    """List what a folder holds, sorted; nothing if it is missing or a file.

    Args:
        folder: the folder.
        stamped: whether local files get their stamp, which costs a call for each; others have it.
        store: the file system of a remote folder, if it is open.

    Raises:
        StorageError: the folder cannot be listed.
    """
    with suppress(StorageMissingError), storage_errors(folder), suppress(NotADirectoryError):
        found = _local(folder, stamped=stamped) if is_local(folder) else _remote(folder, store)
        return sorted(found, key=lambda item: item.uri)
    return []


def _local(folder: str, *, stamped: bool) -> Iterator[Found]:
    with os.scandir(local_path(folder)) as entries:
        for entry in entries:
            uri = join(folder, entry.name)
            if entry.is_file(follow_symlinks=False):
                yield Found(uri, stamp=_stamp_of(entry) if stamped else "")
                continue
            problem, is_link = problem_of(entry.path), entry.is_symlink()
            if problem == _FOLDER:
                yield Found(uri, is_folder=True, is_link=is_link)
            else:
                stamp = "" if problem or not stamped else _stamp_of(entry)
                yield Found(uri, is_link=is_link, problem=problem, stamp=stamp)


def _stamp_of(entry: os.DirEntry[str]) -> str:
    try:
        facts = entry.stat()
    except OSError:  # whoever reads the file is told
        return ""
    return f"{facts.st_size}:{facts.st_mtime_ns}"


def _remote(folder: str, store: Any) -> Iterator[Found]:
    """List a remote folder with `ls`; fsspec's own `find` takes a failure for an empty folder."""
    if store is None:
        store, root = open_store(folder)
    else:
        root = store._strip_protocol(folder)
    for item in store.ls(root, detail=True):
        path = item["name"].rstrip("/")
        if path != root.rstrip("/"):  # a file or a folder that lists itself, as some stores do
            uri = join(folder, path.rpartition("/")[2])
            problem = "is not a regular file" if item["type"] == "other" else ""
            is_folder = item["type"] == "directory"
            stamp = "" if problem or is_folder else _remote_stamp(item)
            yield Found(uri, is_folder=is_folder, problem=problem, stamp=stamp)


def _remote_stamp(item: Mapping[str, Any]) -> str:
    versions = (item.get(key) for key in _VERSIONS)
    version = next((version for version in versions if version is not None), None)
    return "" if version is None else f"{item.get('size')}:{version}"


def problem_of(path: str) -> str:
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
