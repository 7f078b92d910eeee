"""Which version of a model is served: TensorFlow Serving's default policy, the latest one.

Knows folders and states, but nothing of TensorFlow: what a version is when loaded is up to the
`load` function.
"""

import enum
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from data_prep.errors import UserError

Model = TypeVar("Model")

_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_VERSIONS = 2**63  # a version is an int64


class State(enum.IntEnum):
    """The life of a version; the numbers are those of TensorFlow Serving's ModelVersionStatus.

    A version here begins with LOADING; TensorFlow Serving knows of it before.
    """

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class Status:
    """What became of a version.

    Attributes:
        state: where it stands in its life.
        error: why it could not be loaded, in one line; empty if nothing is wrong with it.
    """

    state: State
    error: str = ""


def find_versions(folder: Path) -> dict[int, Path]:
    """Find the versions of a model: folders named by whole numbers that hold a SavedModel.

    Returns:
        version -> its folder, newest version first. A folder without its saved_model.pb yet, as
        when it is being copied, does not count.

    Raises:
        UserError: there is no such folder.
    """
    try:
        children = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: not a folder that can be read: {error.strerror}") from error
    found = {
        int(child.name): child
        for child in children
        if child.name.isascii()
        and child.name.isdecimal()
        and int(child.name) < _VERSIONS
        and any((child / name).is_file() for name in _MODEL_FILES)
    }
    return dict(sorted(found.items(), reverse=True))


def require_version(folder: Path) -> None:
    """Raise UserError unless the folder holds at least one version of a model."""
    if not find_versions(folder):
        raise UserError(
            f"{folder}: holds no version of a model; expected folders named by whole numbers, "
            "each with a saved_model.pb"
        )


class ModelFolder(Generic[Model]):
    """The newest version in a folder that can be loaded, kept up to date by `refresh`.

    A newer version takes the place of the one served only when it has loaded; one that cannot be
    loaded leaves the served one alone, and is tried again when its files have changed.

    `refresh` belongs to one thread. `get` and `statuses` may be used from any.

    Attributes:
        folder: holds a folder a version.
        statuses: version -> Status, for every version ever tried.
    """

    def __init__(self, folder: Path, load: Callable[[Path], Model]):
        """Look at nothing yet.

        Args:
            folder: holds a folder a version.
            load: makes a version's folder the thing that is served; its objects must allow weak
                references. Whatever it raises means that the version cannot be loaded.
        """
        self.folder = folder
        self.statuses: dict[int, Status] = {}
        self._load = load
        self._served: tuple[int, Model] | None = None
        self._failed: dict[int, frozenset] = {}

    def get(self, version: int | None = None) -> tuple[int, Model]:
        """Return (version, model) of what is served.

        Args:
            version: the version wanted; None for the one served, whichever it is.

        Raises:
            KeyError: it is not served.
        """
        served = self._served
        if served is None or version not in (None, served[0]):
            raise KeyError(version)
        return served

    def refresh(self) -> None:
        """Serve the newest version in the folder that can be loaded.

        Raises:
            UserError: the folder is gone; what is served stays.
        """
        versions = find_versions(self.folder)
        for version, path in versions.items():
            if self._served and self._served[0] == version:
                return
            if self._serve(version, path):
                return
        self._replace(None)

    def _serve(self, version: int, path: Path) -> bool:
        """Load a version and serve it in place of the present one; False if that fails."""
        files = _fingerprint(path)
        if self._failed.get(version) == files:
            return False
        self.statuses[version] = Status(State.LOADING)
        try:
            model = self._load(path)
        # Loading runs others' code on files that may be anything, and raises anything.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.statuses[version] = Status(State.END, reason)
            self._failed[version] = files
            return False
        self._failed.pop(version, None)
        self._replace((version, model))
        # Who is told that it is available may ask it at once.
        self.statuses[version] = Status(State.AVAILABLE)
        return True

    def _replace(self, served: tuple[int, Model] | None) -> None:
        """Serve another version, or none; the old one ends when the last request lets go of it."""
        old, self._served = self._served, served
        if old is None:
            return
        version, model = old
        self.statuses[version] = Status(State.UNLOADING)
        weakref.finalize(model, self.statuses.__setitem__, version, Status(State.END))


def _fingerprint(folder: Path) -> frozenset:
    """What changes when a folder's files do: their names, times and sizes."""
    stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return frozenset((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats.items())
