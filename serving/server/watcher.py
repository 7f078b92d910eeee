"""A thread that keeps the served versions up to date, and reports what changes."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from data_prep.errors import UserError
from serving.server.health import ServerHealth
from serving.server.memory import return_free_memory
from serving.server.model_folder import ModelFolder, Status
from serving.server.served_models import ServedModels
from serving.versions import State

_LOGGER = logging.getLogger(__name__)


class Watcher(threading.Thread):
    """Looks for other versions of each model again and again.

    Loading a version takes long and cannot be interrupted, so the thread does not keep the process.

    Attributes:
        error: why no version can be served at the start; None if one is, or a folder has none yet.
    """

    def __init__(
        self,
        models: ServedModels,
        health: ServerHealth,
        address: str,
        poll_seconds: float,
        report: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        """Create the thread.

        Args:
            models: the served models.
            health: told about each change.
            address: where they are served, for the report.
            poll_seconds: seconds between two checks.
            report: takes a line about each version that is served, ends or cannot be loaded.
            stop: ends the thread, and is set by it if no version can be served at the start.
        """
        super().__init__(name="versions", daemon=True)
        self.error: Exception | None = None
        self._models = models
        self._health = health
        self._address = address
        self._poll_seconds = poll_seconds
        self._report = report
        self._stopping = stop

    def run(self) -> None:
        """Follow the folders until told to stop."""
        try:
            for folder in self._models.folders.values():
                folder.refresh()
                _require_served(folder)
        except Exception as error:
            self.error = error
            self._stopping.set()
            return
        reported: set[str] = set()
        problems: list[str] = []
        while not self._stopping.is_set():
            self._health.update(self._models.folders.values())
            lines = [*self._lines(), *problems]
            for line in lines:
                if line not in reported:
                    with suppress(OSError):  # nobody reads the report anymore; requests go on
                        self._report(line)
            reported = set(lines)
            self._stopping.wait(self._poll_seconds)
            problems = self._refresh()
            return_free_memory()

    def _refresh(self) -> list[str]:
        """Look for other versions, and return errors as lines; the served versions stay."""
        problems = []
        for folder in self._models.folders.values():
            try:
                folder.refresh()
            except (UserError, OSError) as error:
                problems.append(f"error: {error}")
            except Exception:  # a bug, which must not end the thread
                _LOGGER.exception("%s: cannot look for versions", folder.folder)
        return problems

    def _lines(self) -> list[str]:
        lines = []
        for name, folder in self._models.folders.items():
            statuses = folder.statuses()
            if not statuses:
                where = folder.folder
                lines.append(f"waiting at {self._address} for a version of {name} in {where}")
            lines += [self._line(name, *item) for item in sorted(statuses.items())]
        return lines

    def _line(self, name: str, version: int, status: Status) -> str:
        if status.state is State.AVAILABLE:
            return f"serving {name} version {version} at {self._address}"
        if status.error:
            return f"error: {name} version {version} cannot be loaded: {status.error}"
        return f"{name} version {version}: {status.state.name.lower()}"


def _require_served(folder: ModelFolder) -> None:
    """Raise UserError if there are versions, but none can be loaded."""
    statuses = folder.statuses()
    if statuses and not any(status.state is State.AVAILABLE for status in statuses.values()):
        reasons = (f"version {version}: {status.error}" for version, status in statuses.items())
        raise UserError(f"{folder.folder}: no version can be loaded: {'; '.join(reasons)}")
