"""A thread that keeps the served models up to date, and reports what changes."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

import grpc

from data_prep.errors import UserError
from serving.config.models_config import ModelsConfig
from serving.server.config_source import ConfigSource
from serving.server.errors import StatusError
from serving.server.health import ServerHealth
from serving.server.memory import return_free_memory
from serving.server.model_folder import ModelFolder
from serving.server.model_settings import read_models
from serving.server.reloads import Reloads
from serving.server.served_models import ServedModels
from serving.server.state_lines import state_lines

_LOGGER = logging.getLogger(__name__)


class Watcher(threading.Thread):
    """Looks for another configuration and for other versions of each model again and again.

    Loading a version takes long and cannot be interrupted, so the thread does not keep the process.

    Attributes:
        error: why nothing can be served at the start; None if every model has a version, or waits
            for its first one.
    """

    def __init__(
        self,
        models: ServedModels,
        source: ConfigSource,
        reloads: Reloads,
        health: ServerHealth,
        address: str,
        poll_seconds: float,
        report: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        """Create the thread.

        Args:
            models: the served models.
            source: their configuration.
            reloads: configurations that clients send.
            health: told about each change.
            address: where the models are served, for the report.
            poll_seconds: seconds between two checks.
            report: takes a line about each version that is served, ends or cannot be loaded.
            stop: ends the thread, and is set by it if nothing can be served at the start.
        """
        super().__init__(name="versions", daemon=True)
        self.error: Exception | None = None
        self._models = models
        self._source = source
        self._reloads = reloads
        self._health = health
        self._address = address
        self._poll_seconds = poll_seconds
        self._report = report
        self._reported: set[str] = set()
        self._stopping = stop

    def run(self) -> None:
        """Follow the configuration and the folders until told to stop."""
        try:
            self._start_serving()
        except Exception as error:
            self.error = error
            self._stopping.set()
            return
        problems: list[str] = []
        while not self._stopping.is_set():
            self._health.update(self._models.folders.values())
            self._report_changes([*state_lines(self._models, self._address), *problems])
            sent = self._reloads.take(self._poll_seconds)
            problems = self._follow(*sent) if sent else self._poll()
            return_free_memory()

    def _start_serving(self) -> None:
        """Load what the source names.

        Raises:
            UserError: it cannot be read or followed, or no version of a model can be loaded.
        """
        try:
            self._models.configure(read_models(self._source.read()))
        except StatusError as error:
            raise UserError(error.message) from error
        for folder in self._models.folders.values():
            folder.refresh()
            if folder.statuses() and not folder.available():
                raise UserError(f"{folder.folder}: no version can be loaded: {_errors(folder)}")

    def _poll(self) -> list[str]:
        """Follow the source and the folders; return errors as lines."""
        problems = []
        try:
            config = self._source.poll()
            if config is not None:
                self._models.configure(read_models(config))
        except (UserError, StatusError) as error:
            problems.append(f"error: {error}")
        except Exception:  # a bug, which must not end the thread
            _LOGGER.exception("cannot look for a configuration")
        return problems + self._refresh()

    def _follow(self, config: ModelsConfig, outcome: "Future[None]") -> list[str]:
        """Follow a configuration that was sent; return errors as lines."""
        before = self._models.folders
        try:
            self._models.configure(read_models(config))
            problems = self._refresh()
            _require_available(self._models.folders.keys() - before.keys(), self._models)
        except Exception as error:
            outcome.set_exception(error)
            return [f"error: {error}"]
        outcome.set_result(None)
        return problems

    def _refresh(self) -> list[str]:
        """Look for other versions, and return errors as lines; the served versions stay."""
        self._models.end_removed()
        problems = []
        for folder in self._models.folders.values():
            try:
                folder.refresh()
            except (UserError, OSError) as error:
                problems.append(f"error: {error}")
            except Exception:  # a bug, which must not end the thread
                _LOGGER.exception("%s: cannot look for versions", folder.folder)
        return problems

    def _report_changes(self, lines: list[str]) -> None:
        """Report the lines that are new since the last time."""
        for line in lines:
            if line not in self._reported:
                with suppress(OSError):  # nobody reads the report anymore; requests go on
                    self._report(line)
        self._reported = set(lines)


def _errors(folder: ModelFolder) -> str:
    """Return why the versions of a model cannot be loaded."""
    statuses = folder.statuses()
    return "; ".join(f"version {version}: {status.error}" for version, status in statuses.items())


def _require_available(names: set[str], models: ServedModels) -> None:
    """Raise StatusError unless each of these models has a version that takes requests."""
    for name in sorted(names):
        folder = models.folders[name]
        if not folder.available():
            reason = _errors(folder) or f"none in {folder.folder}"
            rule = "must have a version that can be loaded"
            raise StatusError(grpc.StatusCode.UNKNOWN, f"model {name}: {rule}, got {reason}")
