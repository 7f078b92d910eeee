"""fsspec's file systems by URI, and their errors as storage errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.storage.uris import is_local, local_path, split_scheme

_EXTRAS = {"gcs": "gcs", "gs": "gcs", "s3": "s3", "s3a": "s3"}


def open_store(uri: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URI, and the path in it.

    Raises:
        StorageError: the scheme is unknown, or its package is not installed.
    """
    if is_local(uri):
        return fsspec.filesystem("file"), str(Path(local_path(uri)).absolute())
    scheme, _ = split_scheme(uri)
    try:
        # Listings are never cached, because other processes write to the same folders.
        store = fsspec.filesystem(scheme, use_listings_cache=False)
    except ValueError as error:
        raise StorageError(uri, f"unknown scheme {scheme}://") from error
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        fix = f"pip install layered-video[{extra}]" if extra else " ".join(str(error).split())
        reason = f"{scheme}:// needs a package that is not installed: {fix}"
        raise StorageError(uri, reason) from error
    return store, store._strip_protocol(uri)


@contextmanager
def storage_errors(uri: str) -> Iterator[None]:
    """Turn whatever a store raises into a StorageError about a URI."""
    try:
        yield
    except UserError:  # is about this or another file already
        raise
    except FileNotFoundError as error:
        raise StorageMissingError(uri, "no such file or folder") from error
    except Exception as error:  # every store has different error classes
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StorageError(uri, " ".join(str(reason).split())) from error
