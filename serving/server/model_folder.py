"""The served versions of one model, kept up to date with its folder.

This module knows folders and states, but not TensorFlow: a `load` function loads a version.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import grpc

from serving.server.errors import StatusError
from serving.versions import State, find_versions


class Closable(Protocol):
    """A loaded version."""

    def close(self) -> None:
        """Free what the version holds."""


Model = TypeVar("Model", bound=Closable)


@dataclass(frozen=True)
class Status:
    """Status of a version.

    Attributes:
        state: its state.
        code: gRPC's code of the reason why it could not be loaded; OK without an error.
        error: that reason, on one line; empty without an error.
    """

    state: State
    code: grpc.StatusCode = grpc.StatusCode.OK
    error: str = ""


@dataclass(eq=False)
class _Loaded(Generic[Model]):
    """A loaded version, and the number of requests that use it."""

    version: int
    model: Model
    users: int = 0


class ModelFolder(Generic[Model]):
    """The newest version in a folder that can be loaded, kept up to date by `refresh`.

    A newer version replaces the served one once it is loaded. The old one is closed by the first
    `refresh` after its last request. A version that cannot be loaded leaves the served one in
    place, and is tried again when its files have changed.

    Only one thread may call `refresh`. Any thread may call the other methods.

    Attributes:
        folder: holds one folder per version.
    """

    def __init__(self, folder: Path, load: Callable[[Path], Model]) -> None:
        """Remember the folder, without reading it yet.

        Args:
            folder: holds one folder per version.
            load: loads a version from its folder; any error means that it cannot be loaded.
        """
        self.folder = folder
        self._load = load
        self._lock = threading.Lock()
        self._statuses: dict[int, Status] = {}
        self._served: _Loaded[Model] | None = None
        self._latest: dict[int, _Loaded[Model]] = {}
        self._retired: list[_Loaded[Model]] = []
        self._failed: dict[int, frozenset[tuple[str, int, int]]] = {}

    def statuses(self) -> dict[int, Status]:
        """Return version -> Status, for every version that was ever tried."""
        with self._lock:
            return dict(self._statuses)

    @contextmanager
    def use(self, version: int | None = None) -> Iterator[tuple[int, Model]]:
        """Give the served version and its model, which stays loaded inside the context.

        Args:
            version: the requested version; None for the served one.

        Raises:
            KeyError: that version is not served.
        """
        with self._lock:
            used = self._served
            if used is None or version not in (None, used.version):
                raise KeyError(version)
            used.users += 1
        try:
            yield used.version, used.model
        finally:
            with self._lock:
                used.users -= 1

    def refresh(self) -> None:
        """Serve the newest version in the folder that can be loaded.

        Raises:
            UserError: the folder is gone; the served version stays.
        """
        self._close_unused()
        for version, path in find_versions(self.folder).items():
            served = self._served
            if (served and served.version == version) or self._try(version, path):
                return
        self._serve(None)

    def _try(self, version: int, path: Path) -> bool:
        """Load a version and serve it instead of the current one; return whether that worked."""
        files = _fingerprint(path)
        if self._failed.get(version) == files:
            return False
        self._set(version, Status(State.LOADING))
        try:
            model = self._load(path)
        # TensorFlow raises all kinds of errors on files that are no SavedModel.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            code = error.code if isinstance(error, StatusError) else grpc.StatusCode.UNKNOWN
            self._set(version, Status(State.END, code, reason))
            self._failed[version] = files
            return False
        self._failed.pop(version, None)
        self._serve(_Loaded(version, model))
        return True

    def _serve(self, loaded: _Loaded[Model] | None) -> None:
        """Serve another version, or none."""
        with self._lock:
            old, self._served = self._served, loaded
            if old:
                self._retired.append(old)
                self._statuses[old.version] = Status(State.UNLOADING)
            if loaded:
                self._latest[loaded.version] = loaded
                self._statuses[loaded.version] = Status(State.AVAILABLE)
        self._close_unused()

    def _close_unused(self) -> None:
        """Close the versions that are no longer served, after their last requests."""
        with self._lock:
            unused = [loaded for loaded in self._retired if not loaded.users]
            self._retired = [loaded for loaded in self._retired if loaded.users]
            for loaded in unused:
                # The version may have come back meanwhile, or be on its way.
                if self._latest[loaded.version] is not loaded:
                    continue
                if self._statuses[loaded.version].state is State.UNLOADING:
                    self._statuses[loaded.version] = Status(State.END)
        for loaded in unused:
            loaded.model.close()

    def _set(self, version: int, status: Status) -> None:
        with self._lock:
            self._statuses[version] = status


def _fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return the names, times and sizes of the files of a folder; none if it cannot be read."""
    try:
        stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    except OSError:
        return frozenset()
    return frozenset((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats.items())
