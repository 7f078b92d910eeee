"""What can be removed of earlier runs."""

import time
from dataclasses import dataclass

from components.mixture_gen.attempts import list_attempts
from data_prep import storage
from data_prep.storage.usage import Usage, usage

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


def is_inside(folder: str, top: str) -> bool:
    """Say whether a folder lies below another one, with no link on the way from there.

    What a link leads to belongs to others, and may be needed there.

    Args:
        folder: the folder.
        top: the other one, which may be a link itself.
    """
    root, named = storage.absolute(top), folder.rstrip("/")
    begins = f"{root.rstrip('/')}/"
    real = storage.absolute(folder)
    inside = real.removeprefix(begins)
    if not inside or not real.startswith(begins) or not named.endswith(f"/{inside}"):
        return False
    return storage.absolute(named[: -len(inside)]) == root


def given_up(folder: str, days: float, what: str) -> list[Removal]:
    """Return the subfolders in which nothing has changed for a while.

    Args:
        folder: the folder.
        days: the while.
        what: what the subfolders hold, for people.
    """
    reason = f"{what}, unchanged for {days:g} days"
    return [
        Removal(place, reason, used.size)
        for place in _subfolders(folder)
        if _is_unchanged(used := usage(place), days)
    ]


def given_up_mixtures(folder: str, days: float, root: str) -> list[Removal]:
    """Return what was begun of mixtures, if nothing of it has changed for a while.

    The records lie in the folders of the attempts at them, and only the subfolders know where. So
    these come last, and a removal that was interrupted can be repeated.

    Args:
        folder: folder with a subfolder for all attempts at the same mixtures.
        days: the while.
        root: folder that holds all attempts. Others are those of an output that this one was moved
            or copied from.
    """
    found = []
    for removal in given_up(folder, days, "unfinished mixtures"):
        attempts = {
            uri: usage(uri) for uri in list_attempts(removal.folder) if is_inside(uri, root)
        }
        attempts = {uri: used for uri, used in attempts.items() if used.files}
        if all(_is_unchanged(used, days) for used in attempts.values()):
            found += [Removal(uri, removal.reason, used.size) for uri, used in attempts.items()]
            found.append(removal)
    return found


def _is_unchanged(used: Usage, days: float) -> bool:
    """Say whether files are known to be unchanged; a folder without files may be in use."""
    return used.changed is not None and used.changed <= time.time() - days * _DAY


def _subfolders(folder: str) -> list[str]:
    files = storage.list_files(folder) if storage.is_dir(folder) else []
    inside = (file[len(folder) :].lstrip("/").split("/") for file in files)
    places = {storage.join(folder, parts[0]) for parts in inside if len(parts) > 1}
    return sorted(place for place in places if is_inside(place, folder))
