"""Checks that an output can be written, before the work that it is for."""

import os
import tempfile
from pathlib import Path

from data_prep.errors import UserError
from data_prep.storage.files import exists, is_dir, is_file
from data_prep.storage.listing import why_not_a_file
from data_prep.storage.stores import open_store, storage_errors
from data_prep.storage.uris import is_local, local_path, split_scheme

_READ_ONLY = ("data", "http", "https")  # fsspec's stores of these know no way to write


def require_known(uri: str) -> None:
    """Check that files with this URI could be there.

    Raises:
        StorageError: the scheme is unknown, or its package is not installed.
    """
    if not is_local(uri):
        open_store(uri)


def require_file_output(uri: str) -> None:
    """Check that a file can be written; nothing is left behind.

    Raises:
        UserError: it is a folder, a device, a link or another thing that a file would replace, or
            its store is read-only.
        StorageError: the folder, or the nearest one above that exists, takes no files.
    """
    if is_dir(uri) or uri.endswith("/"):
        raise UserError(f"{uri}: must be a file, got a folder")
    if is_local(uri) and os.path.lexists(path := local_path(uri)):
        if os.path.islink(path):  # noqa: PTH114  (a Path drops a trailing slash)
            raise UserError(f"{uri}: must be a file, got a link; give what it leads to")
        if problem := why_not_a_file(uri):
            raise UserError(f"{uri}: {problem}")
    _require_writable(uri)


def require_folder_output(uri: str) -> None:
    """Check that files can be written into a folder; nothing is left behind.

    Raises:
        UserError: it is a file, or its store is read-only.
        StorageError: the folder, or the nearest one above that exists, takes no files.
    """
    if is_file(uri):
        raise UserError(f"{uri}: must be a folder, got a file")
    _require_writable(uri)


def _require_writable(uri: str) -> None:
    if split_scheme(uri)[0] in _READ_ONLY:
        raise UserError(f"{uri}: must be in a store that can be written, got a read-only one")
    if not is_local(uri):
        exists(uri)  # whether the store answers
        return
    with storage_errors(uri):
        path = Path(local_path(uri)).absolute()
        # The parents of a file that exists, the folder itself, or the nearest place above it.
        places = (path, *path.parents) if path.is_dir() else path.parents
        with tempfile.TemporaryFile(dir=next(filter(os.path.lexists, places))):
            pass
