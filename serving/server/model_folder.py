"""The served versions of one model, kept up to date with its folder.

This module knows folders and states, but not TensorFlow: a `load` function loads a version.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import grpc

from serving.server.errors import StatusError
from serving.server.version_policy import LatestVersions, VersionPolicy
from serving.versions import State, find_versions

_NEWEST = LatestVersions()


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
    """The served versions of a model: those that its policy chooses, kept up to date by `refresh`.

    A version that is not chosen anymore ends once a chosen one is loaded, and is closed by the
    first `refresh` after its last request. A version that cannot be loaded is left out of the
    choice, and is tried again when its files have changed.

    Only one thread may call `configure`, `refresh` and `end`. Any thread may call the others.

    Attributes:
        folder: holds one folder per version.
    """

    def __init__(
        self, folder: Path, load: Callable[[Path], Model], policy: VersionPolicy = _NEWEST
    ) -> None:
        """Remember the folder, without reading it yet.

        Args:
            folder: holds one folder per version.
            load: loads a version from its folder; any error means that it cannot be loaded.
            policy: chooses the versions to serve.
        """
        self.folder = folder
        self._load = load
        self._policy = policy
        self._lock = threading.Lock()
        self._statuses: dict[int, Status] = {}
        self._served: dict[int, _Loaded[Model]] = {}
        self._retired: list[_Loaded[Model]] = []
        self._failed: dict[int, frozenset[tuple[str, int, int]]] = {}

    def configure(self, folder: Path, policy: VersionPolicy) -> None:
        """Change the folder and the policy; `refresh` follows them.

        As in TensorFlow Serving, a served version stays as it is if the new folder has it too.
        """
        self.folder = folder
        self._policy = policy

    def statuses(self) -> dict[int, Status]:
        """Return version -> Status, for every version that was ever tried."""
        with self._lock:
            return dict(self._statuses)

    def available(self) -> bool:
        """Return whether any version takes requests."""
        return bool(self._served)

    @contextmanager
    def use(self, version: int | None = None) -> Iterator[tuple[int, Model]]:
        """Give a served version and its model, which stays loaded inside the context.

        Args:
            version: the requested version; None for the newest served one.

        Raises:
            KeyError: that version is not served.
        """
        with self._lock:
            newest = max(self._served, default=-1)  # no version is -1
            used = self._served[newest if version is None else version]
            used.users += 1
        try:
            yield used.version, used.model
        finally:
            with self._lock:
                used.users -= 1

    def refresh(self) -> None:
        """Serve the versions in the folder that the policy chooses and that can be loaded.

        Raises:
            UserError: the folder is gone; the served versions stay.
        """
        self._close_unused()
        found = find_versions(self.folder)
        usable = [version for version, path in found.items() if not self._failed_as(version, path)]
        while True:
            chosen = self._policy.choose(usable)
            # As in TensorFlow Serving, one stays if none of the chosen ones can be loaded.
            if self._served.keys() & chosen or not self._policy.choose(list(found)):
                self._serve_only(chosen)
            else:
                self._serve_only([max(self._served, default=-1)])
            missing = [version for version in chosen if version not in self._served]
            if not missing:
                return
            if not self._try(missing[0], found[missing[0]]):
                usable.remove(missing[0])

    def end(self) -> None:
        """Serve no version anymore. Each is closed by the first call after its last request."""
        self._serve_only([])

    def _failed_as(self, version: int, path: Path) -> bool:
        """Return whether a version could not be loaded from its files as they are now."""
        return version in self._failed and self._failed[version] == _fingerprint(path)

    def _try(self, version: int, path: Path) -> bool:
        """Load a version and serve it; return whether that worked."""
        files = _fingerprint(path)
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
        with self._lock:
            self._served[version] = _Loaded(version, model)
            self._statuses[version] = Status(State.AVAILABLE)
        return True

    def _serve_only(self, versions: Collection[int]) -> None:
        """End the versions that are not among these."""
        with self._lock:
            for version in self._served.keys() - versions:
                self._retired.append(self._served.pop(version))
                self._statuses[version] = Status(State.UNLOADING)
        self._close_unused()

    def _close_unused(self) -> None:
        """Close the versions that are no longer served, after their last requests."""
        with self._lock:
            unused = [loaded for loaded in self._retired if not loaded.users]
            self._retired = [loaded for loaded in self._retired if loaded.users]
            in_use = {loaded.version for loaded in self._retired}
            for version in {loaded.version for loaded in unused} - in_use:
                # Otherwise the version has come back meanwhile, or is on its way.
                if self._statuses[version].state is State.UNLOADING:
                    self._statuses[version] = Status(State.END)
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
