"""How much a folder holds, and since when nothing in it has changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data_prep.storage.retries import retrying
from data_prep.storage.stores import open_store, storage_errors

_TIMES = ("LastModified", "updated", "mtime", "created")
"""What file systems call the time of a file's last change, the best first."""


@dataclass(frozen=True)
class Usage:
    """What a folder holds.

    Attributes:
        files: number of its files, those of subfolders included.
        size: their bytes.
        changed: Unix time of the last change of a file; None if there are none, or the store does
            not say.
    """

    files: int
    size: int
    changed: float | None


@retrying
def usage(folder: str) -> Usage:
    """Add up the files of a folder; one that is missing holds none.

    Raises:
        StorageError: the folder cannot be listed.
    """
    with storage_errors(folder):
        store, path = open_store(folder)
        found = store.find(path, detail=True).values()
        times = [time for item in found if (time := _changed(item)) is not None]
        size = sum(item["size"] or 0 for item in found)
        return Usage(len(found), size, max(times, default=None))


def _changed(item: Mapping[str, Any]) -> float | None:
    time = next((item[key] for key in _TIMES if item.get(key) is not None), None)
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return time
