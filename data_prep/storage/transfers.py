"""Copies and moves of files and folders, within a store and between stores."""

import shutil

from data_prep.storage.files import (
    is_dir,
    local_copy,
    make_dirs,
    remove,
    remove_tree,
    replacing,
)
from data_prep.storage.listing import list_files
from data_prep.storage.stores import open_store, reported
from data_prep.storage.uris import is_local, join, local_path, parent, split_scheme


def copy(source: str, target: str) -> None:
    """Copy a file, and replace the target atomically."""
    if not is_local(source) and split_scheme(source)[0] == split_scheme(target)[0]:
        with reported(source):
            store, path = open_store(source)
            store.cp_file(path, open_store(target)[1])
    else:
        with local_copy(source) as local, replacing(target) as temporary, reported(source):
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
        with reported(source):
            shutil.move(local_path(source), local_path(target))
    elif is_dir(source):
        remove_tree(target)
        copy_tree(source, target)
        remove_tree(source)
    else:
        copy(source, target)
        remove(source)
