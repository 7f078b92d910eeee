"""What can be removed of earlier runs."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from data_prep import storage
from data_prep.storage.usage import usage
from models.export.exported_weights import list_versions

_DAY = 86_400.0


@dataclass(frozen=True)
class Removal:
    """A folder that can be removed.

    Attributes:
        folder: the folder.
        reason: why, for people.
        size: bytes of its files.
    """

    folder: str
    reason: str
    size: int


def old_versions(serving: str, kinds: Iterable[str], keep: int) -> list[Removal]:
    """Return the versions of served models beyond the newest ones.

    Args:
        serving: folder of the served models, with a subfolder per kind of task.
        kinds: names of the subfolders.
        keep: number of versions that stay in each, at least 1.
    """
    return [
        Removal(version, f"not among the newest {keep} versions", usage(version).size)
        for kind in kinds
        for version in [*list_versions(storage.join(serving, kind)).values()][keep:]
    ]


def given_up(folder: str, days: float, what: str) -> list[Removal]:
    """Return the subfolders in which nothing has changed for a while.

    Args:
        folder: the folder.
        days: the while.
        what: what the subfolders hold, for people.
    """
    before = time.time() - days * _DAY
    found = []
    for name in _subfolders(folder):
        place = storage.join(folder, name)
        used = usage(place)
        if used.changed is None or used.changed > before:
            continue  # empty, or in use
        found.append(Removal(place, f"{what}, unchanged for {days:g} days", used.size))
    return found


def _subfolders(folder: str) -> list[str]:
    files = storage.list_files(folder) if storage.is_dir(folder) else []
    inside = (file[len(folder) :].lstrip("/").split("/") for file in files)
    return sorted({parts[0] for parts in inside if len(parts) > 1})
