"""Other names for folders whose paths hold characters that mean something in a pattern.

TensorFlow takes the name of a checkpoint for a pattern, and TFX that of an artifact.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_prep.storage.stores import storage_errors
from data_prep.storage.uris import is_local, local_path

_WILDCARDS = re.compile(r"[*?\[\]]")
_DESCRIPTORS = Path("/proc/self/fd")


def has_wildcards(uri: str) -> bool:
    """Say whether a URI holds a character that means something in a pattern."""
    return _WILDCARDS.search(uri) is not None


@contextmanager
def without_wildcards(folder: str) -> Iterator[str]:
    """Yield a name of a folder without wildcards, which this process can use within the context.

    It is the folder itself if that has none, is in an object store, or if the system is not Linux.

    Args:
        folder: the folder.

    Raises:
        StorageError: the folder has wildcards and cannot be opened.
    """
    if not has_wildcards(folder) or not is_local(folder) or not _DESCRIPTORS.exists():
        yield folder
        return
    with storage_errors(folder):
        descriptor = os.open(local_path(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_DESCRIPTORS / str(descriptor))
    finally:
        os.close(descriptor)
