"""Copies and moves of files and folders, within a store and between stores."""

import os
import shutil
from pathlib import Path

from data_prep.errors import StorageError, StorageMissingError
from data_prep.storage.files import (
    exists,
    is_dir,
    local_copy,
    make_dirs,
    remove,
    remove_tree,
    replacing,
)
from data_prep.storage.listing import list_files
from data_prep.storage.retries import retrying_remote
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import (
    absolute,
    hidden_sibling,
    is_local,
    join,
    local_path,
    parent,
    split_scheme,
)


def copy(source: str, target: str) -> None:
    """Copy a file, and replace the target atomically."""
    if not is_local(source) and split_scheme(source)[0] == split_scheme(target)[0]:
        _copy_within(source, target)
    else:
        with local_copy(source) as local, replacing(target) as draft, storage_errors(source):
            shutil.copyfile(local, draft)


@retrying_remote
def _copy_within(source: str, target: str) -> None:
    with storage_errors(source):
        store, path = open_store(source)
        store.cp_file(path, open_store(target)[1])


def copy_tree(source: str, target: str) -> None:
    """Copy all files of a folder into another one."""
    for file in list_files(source):
        copy(file, join(target, file[len(source) :]))


def link(source: str, target: str) -> None:
    """Give a file a place in another folder too, where it replaces another file.

    On one local file system, this is a hard link, which takes neither time nor space; elsewhere the
    file is copied, by the store itself if it can. The source stays, so that a killed process loses
    nothing.
    """
    if not _link(source, target):
        copy(source, target)


def _link(source: str, target: str) -> bool:
    """Give a file a second name; return whether that can be done."""
    if not (is_local(source) and is_local(target)):
        return False
    make_dirs(parent(target))
    draft = local_path(hidden_sibling(target, "tmp"))
    try:
        os.link(local_path(source), draft)
    except OSError:  # another file system, or one without hard links
        return False
    with storage_errors(target):
        Path(draft).replace(local_path(target))
        Path(draft).unlink(missing_ok=True)  # a rename between two names of one file does nothing
    return True


def move(source: str, target: str) -> None:
    """Move a file or a folder, replacing the target.

    On one local file system this is a rename, so that a killed process loses nothing; elsewhere
    each file is copied, and the source removed at the end.

    Raises:
        StorageError: the source is missing, or one of the two is or holds the other. The target is
            then left as it is.
    """
    if not exists(source):
        raise StorageMissingError(source, "no such file or folder")
    one, other = _place(source), _place(target)
    if f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/"):
        raise StorageError(source, f"must be moved out of itself, got {target}")
    if is_local(source) and is_local(target):
        _rename(source, target)
    elif is_dir(source):
        remove_tree(target)
        copy_tree(source, target)
        remove_tree(source)
    else:
        copy(source, target)
        remove(source)


def _place(uri: str) -> str:
    """Return the same text for every way to write the same place."""
    if is_local(uri):
        return absolute(uri).rstrip("/")
    store, path = open_store(uri)
    return f"{type(store).__name__}:{path.rstrip('/')}"


def _rename(source: str, target: str) -> None:
    make_dirs(parent(target))
    origin, place = Path(local_path(source)), Path(local_path(target))
    old = Path(local_path(hidden_sibling(target, "old")))
    with storage_errors(source):
        if origin.lstat().st_dev != place.parent.stat().st_dev:
            origin = _bring(origin, Path(local_path(hidden_sibling(target, "new"))))
        if place.is_dir():  # nothing can be renamed over a folder that holds something
            place.rename(old)
        try:
            origin.rename(place)
        except BaseException:
            if old.exists():
                old.rename(place)
            raise
    remove_tree(str(old))


def _bring(origin: Path, copied: Path) -> Path:
    """Move a file or a folder from another file system, to be renamed within this one."""
    try:
        shutil.move(origin, copied)
    except BaseException:
        (shutil.rmtree if copied.is_dir() else Path.unlink)(copied)
        raise
    return copied
