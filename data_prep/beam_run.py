"""Runs Beam pipelines so that a failure is one error, and an interruption ends them at once.

Beam's local runner logs a traceback for every layer that an exception passes. It turns Ctrl-C and
the exceptions of its worker processes into RuntimeErrors, lets these processes see Ctrl-C, and
never notices that one was killed.
"""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from types import FrameType
from typing import Any, ClassVar

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions
from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcWorkerHandler,
    WorkerHandler,
)
from google.protobuf import json_format, text_format

from data_prep.beam_options import DIRECT
from data_prep.errors import UserError

_STEP = re.compile(r" \[while running '[^']*'\]")
_RAISED = re.compile(r"^data_prep\.[\w.]*Error: (.*)", re.MULTILINE)
_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM}
_SILENT = logging.CRITICAL + 1
_POLL = 0.1  # seconds


@contextmanager
def running(pipeline: beam.Pipeline) -> Iterator[beam.Pipeline]:
    """Run a pipeline at the end of a block that adds its steps.

    Raises:
        UserError: a step raised it, in this process or another one; a worker process was killed;
            or the runner cannot run, such as one whose job server does not start.
        KeyboardInterrupt: Ctrl-C; then the worker processes have ended.
    """
    yield pipeline
    mode = pipeline.options.view_as(DirectOptions).direct_running_mode
    with _runner_errors(pipeline.options.view_as(StandardOptions).runner):
        run_quietly(partial(_run, pipeline), beside=mode == "multi_processing")


@contextmanager
def _runner_errors(runner: str) -> Iterator[None]:
    """Report what stops a runner, unless the runner is ours or what failed is one of our steps."""
    try:
        yield
    except UserError:
        raise
    except (RuntimeError, AttributeError, ValueError) as error:  # each runner has its own
        if runner == DIRECT or _STEP.search(str(error)):
            raise
        raise UserError(f"--runner {runner}: must be able to run: {error}") from error


def run_quietly(work: Callable[[], object], *, beside: bool) -> None:
    """Run a function that runs a Beam pipeline.

    Args:
        work: the function.
        beside: whether to run it in a thread, so that neither it nor the processes that it starts
            see Ctrl-C.

    Raises:
        UserError: a step raised it, in this process or another one; or a worker process was killed.
        KeyboardInterrupt: Ctrl-C; then the worker processes have ended.
    """
    with _noting_interrupts() as interrupted, _quiet():
        try:
            if beside:
                _run_beside(work)
            else:
                work()
        except Exception as error:
            if interrupted.is_set():
                raise KeyboardInterrupt from None
            cause = _cause(error)
            if cause is None:
                raise
            raise cause from None
        finally:
            _WorkerProcess.kill_all()


def _run(pipeline: beam.Pipeline) -> None:
    with pipeline:
        pass  # Beam runs it at the end of the block


def _run_beside(work: Callable[[], object]) -> None:
    """Run a function in a thread, so that neither it nor its processes see Ctrl-C."""
    errors: list[BaseException] = []

    def run() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)  # also for what it starts
        try:
            work()
        except BaseException as error:
            errors.append(error)

    _silence_lost_connections()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
        _WorkerProcess.require_all_alive()
    if errors:
        raise errors[0]


@WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
class _WorkerProcess(GrpcWorkerHandler):
    """A worker process of Beam's local runner, started without a shell and known to us.

    It takes the place of Beam's handler, which cannot stop the process.
    """

    _running: ClassVar[set[subprocess.Popen[bytes]]] = set()

    def __init__(self, command: bytes, *args: Any):
        super().__init__(*args)  # the command is for a shell, which would split our path at spaces

    def start_worker(self) -> None:
        options = json_format.MessageToJson(self.provision_info.provision_info.pipeline_options)
        control = text_format.MessageToString(self.control_api_service_descriptor())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main"],
            env=os.environ
            | {
                "CONTROL_API_SERVICE_DESCRIPTOR": control,
                "PIPELINE_OPTIONS": options,
                "WORKER_ID": self.worker_id,
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # its exceptions come through the control channel
        )
        self._running.add(self._process)

    def stop_worker(self) -> None:
        self._running.discard(self._process)
        self._process.kill()
        self._process.wait()

    @classmethod
    def require_all_alive(cls) -> None:
        """Check that no worker process has ended by itself.

        Raises:
            UserError: one has.
        """
        for process in list(cls._running):
            if process.poll() is not None and process in cls._running:
                raise UserError(
                    "worker process: must run until all work is done, got exit code "
                    f"{process.returncode}; it may have been killed for lack of memory, so rerun "
                    "the same command with fewer workers"
                )

    @classmethod
    def kill_all(cls) -> None:
        while cls._running:
            process = cls._running.pop()
            process.kill()
            process.wait()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Beam's logs: it raises what it logs, too."""
    logger = logging.getLogger("apache_beam")
    level = logger.level
    logger.setLevel(_SILENT)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _noting_interrupts() -> Iterator[threading.Event]:
    """Yield an event that is set when an interruption raises its exception, as it always does."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread is interrupted
        return
    before = {number: signal.getsignal(number) for number in _INTERRUPTIONS}

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):  # it is not left to the operating system
            signal.signal(number, note)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@cache
def _silence_lost_connections() -> None:
    """Keep quiet about the threads that were connected to a process when it was killed.

    Some of them end after the run, so this is done once for the whole process.
    """
    for module in ("worker.data_plane", "portability.fn_api_runner.worker_handlers"):
        logging.getLogger(f"apache_beam.runners.{module}").setLevel(_SILENT)
    before = threading.excepthook

    def report(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, grpc.RpcError):
            before(args)

    threading.excepthook = report


def _cause(error: BaseException) -> UserError | None:
    """Return the user's error that a step raised, as it was before Beam noted the step in it."""
    if isinstance(error, UserError):
        error.args = tuple(_STEP.sub("", str(arg)) for arg in error.args)
        return type(error)(*error.args)
    raised = _RAISED.findall(str(error))  # a traceback as text, from another process
    return UserError(_STEP.sub("", raised[-1])) if raised else None
