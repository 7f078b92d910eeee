"""fsspec's file systems by URI, and their errors as storage errors."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import fsspec
from fsspec.config import conf

from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.storage.uris import is_local, local_path, split_scheme

_EXTRAS = {"gcs": "gcs", "gs": "gcs", "s3": "s3", "s3a": "s3"}

_SETTINGS = ("AWS_", "AZURE_", "FSSPEC_", "GCSFS_", "GOOGLE_", "STORAGE_")  # of the environment
_GOOGLE = "storage.googleapis.com"
_CONNECTING = 5.0  # seconds

_answered: set[str] = set()  # stores that have answered this process


def open_store(uri: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URI, and the path in it.

    Raises:
        StorageError: the scheme is unknown, its package is not installed, or the store cannot be
            reached.
    """
    if is_local(uri):
        return fsspec.filesystem("file"), str(Path(local_path(uri)).absolute())
    scheme, _ = split_scheme(uri)
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ValueError as error:
        raise StorageError(uri, f"unknown scheme {scheme}://") from error
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        fix = f"pip install layered-video[{extra}]" if extra else " ".join(str(error).split())
        reason = f"{scheme}:// needs a package that is not installed: {fix}"
        raise StorageError(uri, reason) from error
    with _translated(uri):
        if _EXTRAS.get(scheme) == "gcs":
            _require_google()
        thread = 0 if kind.async_impl else threading.get_ident()
        given = tuple((k, v) for k, v in os.environ.items() if k.startswith(_SETTINGS))
        store = _open(kind, os.getpid(), thread, given)
        return store, store._strip_protocol(uri)


@cache
def _open(kind: Any, process: int, thread: int, given: tuple[tuple[str, str], ...]) -> Any:
    """Open a file system once in a process, and in a thread if it is for one thread alone.

    Another environment, with other credentials or another server, opens another one.

    Listings are never cached, because other processes write to the same folders. fsspec itself
    would open each one for every thread, which costs 12 MB for a client of S3.
    """
    return kind(use_listings_cache=False, skip_instance_cache=True)


@cache
def _require_google() -> None:
    """Check once that Google's store can be reached.

    Its client takes most of a minute to find that it is offline: it looks for the credentials of a
    virtual machine in several ways, and repeats its first request five times.
    """
    if os.environ.get("STORAGE_EMULATOR_HOST") or conf.get("gcs") or conf.get("gs") or getproxies():
        return  # it is reached in another way
    try:
        with socket.create_connection((_GOOGLE, 443), _CONNECTING):
            pass
    except OSError as error:
        raise ConnectionError(f"{_GOOGLE} cannot be reached: {error.strerror or error}") from error


@contextmanager
def storage_errors(uri: str) -> Iterator[None]:
    """Turn whatever a store raises into a StorageError about a URI."""
    try:
        with _translated(uri):
            yield
    except StorageMissingError:
        _note_answer(uri)
        raise
    _note_answer(uri)


def has_answered(uri: str) -> bool:
    """Say whether a remote store has answered this process before, and so can be waited for."""
    return _store_of(uri) in _answered


def forget_answers(uri: str) -> None:
    """Note that a store was waited for in vain."""
    _answered.discard(_store_of(uri))


def _note_answer(uri: str) -> None:
    if not is_local(uri):
        _answered.add(_store_of(uri))


def _store_of(uri: str) -> str:
    """Return SCHEME://BUCKET of a remote file."""
    return "/".join(uri.split("/", 3)[:3])


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    try:
        yield
    except UserError:  # is about this or another file already
        raise
    except FileNotFoundError as error:
        raise StorageMissingError(uri, "no such file or folder") from error
    except Exception as error:  # every store has different error classes
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StorageError(uri, " ".join(str(reason).split())) from error
