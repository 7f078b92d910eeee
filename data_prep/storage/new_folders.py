"""New folders that are there whole or not at all."""

import fcntl
import glob
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from data_prep.errors import StorageError, UserError
from data_prep.storage.files import (
    exists,
    is_empty,
    is_file,
    make_dirs,
    remove,
    remove_tree,
    write_bytes,
)
from data_prep.storage.listing import list_files
from data_prep.storage.transfers import move
from data_prep.storage.uris import (
    absolute,
    hidden_beginning,
    hidden_sibling,
    is_local,
    join,
    parent,
)

UNFINISHED = ".unfinished"
"""A file in a remote folder that is being written, or whose writer was killed."""
_DRAFT = "partial"


def require_new(folder: str, what: str) -> None:
    """Check that a folder is missing, empty, or what a killed `replacing_folder` left.

    Args:
        folder: the folder.
        what: what it is, such as an option's name; the message begins with it.

    Raises:
        UserError: it is a file, or holds files of somebody else.
    """
    if is_file(folder):
        raise UserError(f"{what} {folder}: must be a folder, got a file")
    if not is_empty(folder) and not exists(join(folder, UNFINISHED)):
        raise UserError(f"{what} {folder}: must be a new or empty folder, got one with files")


@contextmanager
def replacing_folder(folder: str) -> Iterator[str]:
    """Yield a folder to write into, which becomes the given one if the block ends well.

    On this machine's file system, that is a hidden folder beside the given one, renamed at the
    end. What a killed process leaves of it is removed by the next writer.

    Object stores cannot rename a folder, nor can mount points be renamed. There the given folder
    itself is yielded, and holds `UNFINISHED` until the end. Readers that do not know that file
    need one that the block writes last.

    Args:
        folder: the folder; whatever it holds is replaced.

    Raises:
        StorageError: a folder cannot be made, renamed or removed.
    """
    if is_local(folder) and not os.path.ismount(absolute(folder)):
        folder = absolute(folder)
        draft = hidden_sibling(folder, _DRAFT)
        _remove_abandoned(folder)
        make_dirs(draft)
        with _locked(draft):
            try:
                yield draft
                move(draft, folder)
            finally:
                with suppress(StorageError):
                    remove_tree(draft)
        return
    marker = join(folder, UNFINISHED)
    write_bytes(marker, b"")
    _clear(folder)
    try:
        yield folder
    except BaseException:
        with suppress(StorageError):  # the marker stays, and the next writer clears the folder
            _clear(folder)
            remove(marker)
        raise
    remove(marker)


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold a lock that tells other processes that this folder has a writer, until it is killed."""
    with ExitStack() as stack:
        with suppress(OSError):  # a file system without locks; then drafts are never abandoned
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _remove_abandoned(folder: str) -> None:
    beginning = glob.escape(hidden_beginning(folder))
    for draft in Path(parent(folder)).glob(f"{beginning}*.{_DRAFT}"):
        with suppress(OSError):  # somebody writes it, or removes it too
            descriptor = os.open(draft, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(str(draft))
            finally:
                os.close(descriptor)


def _clear(folder: str) -> None:
    for file in list_files(folder):
        if file != join(folder, UNFINISHED):
            remove(file)
