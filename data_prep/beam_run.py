"""Runs Beam pipelines so that a failure is one error, and an interruption ends them at once.

Beam's local runner logs a traceback for every layer that an exception passes. It turns Ctrl-C and
the exceptions of its worker processes into RuntimeErrors, and lets these processes see Ctrl-C.
"""

import builtins
import logging
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions

from data_prep.beam_options import DIRECT
from data_prep.beam_workers import Workers
from data_prep.errors import UserError

_STEP = re.compile(r" \[while running '[^']*'\]")
_RAISED = re.compile(r"^((?:\w+\.)*)(\w+): (.*)", re.MULTILINE)
_DETAILS = re.compile(r'^\s*details = "(.+)"$', re.MULTILINE)  # of an error of gRPC
_NO_BUGS = (UserError, MemoryError)
_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM}
_SILENT = logging.CRITICAL + 1
_POLL = 0.1  # seconds


@contextmanager
def running(pipeline: beam.Pipeline) -> Iterator[beam.Pipeline]:
    """Run a pipeline at the end of a block that adds its steps.

    Raises:
        UserError: a step raised it, in this process or another one; a worker process was killed;
            the time limit of a job has passed; or the runner cannot run, such as one whose job
            server does not start.
        MemoryError: a step raised it.
        KeyboardInterrupt: Ctrl-C; then the worker processes have ended, or a job on an engine is
            canceled.
    """
    yield pipeline
    runner = pipeline.options.view_as(StandardOptions).runner
    mode = pipeline.options.view_as(DirectOptions).direct_running_mode
    beside = runner == DIRECT and mode == "multi_processing"  # it has processes to be shielded
    with _runner_errors(runner):
        run_quietly(partial(_run, pipeline), beside=beside)


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
        raise UserError(f"--runner {runner}: must be able to run: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what an engine's own traceback ends with, or the whole error if it has none."""
    text = str(error)
    if details := _DETAILS.search(text):
        return details[1]
    raised = list(_RAISED.finditer(text))
    return raised[-1][0] if raised else text


def run_quietly(work: Callable[[], object], *, beside: bool) -> None:
    """Run a function that runs a Beam pipeline.

    Args:
        work: the function.
        beside: whether to run it in a thread, so that neither it nor the processes that it starts
            see Ctrl-C.

    Raises:
        UserError: a step raised it, in this process or another one; or a worker process was killed.
        MemoryError: a step raised it.
        KeyboardInterrupt: Ctrl-C; then the worker processes have ended.
    """
    workers = Workers()
    with _noting_interrupts() as interrupted, _quiet():
        try:
            if beside:
                _run_beside(partial(workers.run, work))
            else:
                workers.run(work)
            if interrupted.is_set():  # and a library lost the exception
                raise KeyboardInterrupt
        except Exception as error:
            if interrupted.is_set():
                raise KeyboardInterrupt from None
            cause = workers.death or _cause(error)
            if cause is None:
                raise
            raise cause from None
        finally:
            workers.kill()


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

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
    if errors:
        raise errors[0]


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


def _cause(error: BaseException) -> UserError | MemoryError | None:
    """Return what a step raised, as it was before Beam noted the step in it, unless it is a bug."""
    if isinstance(error, UserError):
        error.args = tuple(_STEP.sub("", str(arg)) for arg in error.args)
        return type(error)(*error.args)
    return _raised_elsewhere(str(error))


def _raised_elsewhere(text: str) -> UserError | MemoryError | None:
    """Return the error that ends a traceback from another process, unless it is a bug."""
    for match in reversed(list(_RAISED.finditer(text))):
        module, name, message = match.groups()
        place = sys.modules.get(module[:-1]) if module else builtins
        kind = getattr(place, name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            cause = next((ours for ours in _NO_BUGS if issubclass(kind, ours)), None)
            return None if cause is None else cause(_STEP.sub("", message))
    return None
