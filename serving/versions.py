"""The choice of the served version: the latest one, as in TensorFlow Serving's default policy.

This module knows folders and states, but not TensorFlow: a `load` function loads a version.
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
    """State of a version, with the numbers of TensorFlow Serving's ModelVersionStatus.

    A version begins with LOADING here; TensorFlow Serving also reports START.
    """

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class Status:
    """Status of a version.

    Attributes:
        state: its state.
        error: the reason why it could not be loaded, on one line; empty without an error.
    """

    state: State
    error: str = ""


def find_versions(folder: Path) -> dict[int, Path]:
    """Find the versions of a model: folders with a whole number as name that hold a SavedModel.

    Returns:
        Version -> its folder, newest version first. A folder without `saved_model.pb`, for example
        one that is still being copied, does not count.

    Raises:
        UserError: the folder does not exist.
    """
    try:
        children = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: must be a readable folder: {error.strerror}") from error
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
            f"{folder}: must hold at least one version of a model, a folder with a whole number as "
            "name that holds saved_model.pb"
        )


def find_model(folder: Path) -> Path:
    """Return the folder of a version: the given one, or the newest in it.

    Raises:
        UserError: neither is one.
    """
    if (folder / "saved_model.pb").is_file():
        return folder.resolve()
    require_version(folder)
    return next(iter(find_versions(folder).values())).resolve()


class ModelFolder(Generic[Model]):
    """The newest version in a folder that can be loaded, kept up to date by `refresh`.

    A newer version replaces the served one only once it is loaded. A version that cannot be loaded
    leaves the served one in place, and is tried again when its files have changed.

    Only one thread may call `refresh`. Any thread may use `get` and `statuses`.

    Attributes:
        folder: holds one folder per version.
        statuses: version -> Status, for every version that was ever tried.
    """

    def __init__(self, folder: Path, load: Callable[[Path], Model]) -> None:
        """Remember the folder, without reading it yet.

        Args:
            folder: holds one folder per version.
            load: loads a version from its folder. It returns an object that allows weak
                references; any error means that the version cannot be loaded.
        """
        self.folder = folder
        self.statuses: dict[int, Status] = {}
        self._load = load
        self._served: tuple[int, Model] | None = None
        self._failed: dict[int, frozenset[tuple[str, int, int]]] = {}

    def get(self, version: int | None = None) -> tuple[int, Model]:
        """Return the served version and its model.

        Args:
            version: the requested version; None for the served one.

        Raises:
            KeyError: that version is not served.
        """
        served = self._served
        if served is None or version not in (None, served[0]):
            raise KeyError(version)
        return served

    def refresh(self) -> None:
        """Serve the newest version in the folder that can be loaded.

        Raises:
            UserError: the folder is gone; the served version stays.
        """
        versions = find_versions(self.folder)
        for version, path in versions.items():
            if self._served and self._served[0] == version:
                return
            if self._serve(version, path):
                return
        self._replace(None)

    def _serve(self, version: int, path: Path) -> bool:
        """Load a version and serve it instead of the current one; return whether that worked."""
        files = _fingerprint(path)
        if self._failed.get(version) == files:
            return False
        self.statuses[version] = Status(State.LOADING)
        try:
            model = self._load(path)
        # TensorFlow raises all kinds of errors on files that are no SavedModel.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.statuses[version] = Status(State.END, reason)
            self._failed[version] = files
            return False
        self._failed.pop(version, None)
        self._replace((version, model))
        # Only now, because clients send requests as soon as a version is available.
        self.statuses[version] = Status(State.AVAILABLE)
        return True

    def _replace(self, served: tuple[int, Model] | None) -> None:
        """Serve another version, or none; the old one ends with its last request."""
        old, self._served = self._served, served
        if old is None:
            return
        version, model = old
        self.statuses[version] = Status(State.UNLOADING)
        weakref.finalize(model, self.statuses.__setitem__, version, Status(State.END))


def _fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return the names, times and sizes of a folder's files."""
    stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return frozenset((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats.items())
