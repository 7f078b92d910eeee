"""A time limit for jobs on an engine, and their cancellation.

An engine may not notice that a job makes no progress. Flink waits without end for a worker that
cannot start, for example. So the command that submitted a job cancels it at a time limit, and also
when it is interrupted itself, because a job outlives the command otherwise.
"""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from data_prep.engines.job_options import JobOptions
from data_prep.errors import UserError

_CANCELING = 20.0  # seconds that an engine is given to cancel a job
_POLL = 0.5  # seconds


class Limited:
    """What a runner of an engine has in addition; a mixin that goes before Beam's class.

    Attributes:
        hours: time limit of a job, unless `--job_timeout` is given; None for none.
    """

    hours: float | None = 24.0

    def check_options(self, options: PipelineOptions) -> None:
        """Check what would stop a job only after it was planned.

        Raises:
            UserError: the engine cannot be reached, or an option is missing.
        """

    def run_pipeline(self, pipeline: Any, options: PipelineOptions) -> "LimitedResult":
        """Submit a job; see `PipelineRunner.run_pipeline`."""
        hours = options.view_as(JobOptions).job_timeout or self.hours
        try:
            result = super().run_pipeline(pipeline, options)  # type: ignore[misc]  # a mixin
        except grpc.RpcError as error:
            raise _no_answer(error) from error
        return LimitedResult(result, hours)


class LimitedResult(PipelineResult):
    """A job that is canceled at its time limit, or when the wait for its end is interrupted."""

    def __init__(self, result: PipelineResult, hours: float | None):
        """Take charge of a job.

        Args:
            result: the job.
            hours: its time limit, counted from when it is waited for; None for none.
        """
        super().__init__(PipelineState.RUNNING)
        self._result = result
        self._hours = hours

    @property
    def state(self) -> str:
        """The job's state."""
        return str(self._result.state)

    def metrics(self) -> Any:
        """Return the job's metrics."""
        return self._result.metrics()

    def cancel(self) -> None:
        """Cancel the job."""
        self._result.cancel()

    def wait_until_finish(self, duration: int | None = None) -> str:
        """Wait until the job has ended.

        Args:
            duration: a shorter limit in milliseconds.

        Raises:
            UserError: the time limit has passed, or the engine no longer answers.
            KeyboardInterrupt: Ctrl-C; the job is canceled.
            Exception: whatever the runner raises for a job that failed.
        """
        seconds = None if self._hours is None else 3600 * self._hours
        if duration is not None:
            seconds = min(duration / 1000, seconds or duration / 1000)
        try:
            wait = _Call(self._result.wait_until_finish)
            ended = wait.ends_within(seconds)
        except BaseException:
            self._try_to_cancel()
            raise
        if not ended:
            canceled = self._try_to_cancel()
            outcome = "canceled" if canceled else "the engine did not cancel it in time"
            raise UserError(
                f"--job_timeout: a job must end within {(seconds or 0) / 3600:g} hours, got one "
                f"that has not: {outcome}; rerun the same command to resume"
            )
        if isinstance(wait.error, grpc.RpcError):
            self._try_to_cancel()  # the job may go on without the job server
            raise _no_answer(wait.error) from wait.error
        if wait.error is not None:
            raise wait.error
        return str(wait.value)

    def _try_to_cancel(self) -> bool:
        cancel = _Call(self._result.cancel)
        return cancel.ends_within(_CANCELING) and cancel.error is None


class _Call:
    """A function that runs in a thread.

    The main thread can then be interrupted at once, and leave a call that never ends.
    """

    def __init__(self, function: Callable[[], Any]):
        self.value: Any = None
        self.error: BaseException | None = None
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.value = self._function()
        except BaseException as error:
            self.error = error

    def ends_within(self, seconds: float | None) -> bool:
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while self._thread.is_alive() and (left := deadline - time.monotonic()) > 0:
            # An interruption that another thread receives is noticed after the wait.
            self._thread.join(min(left, _POLL))
        return not self._thread.is_alive()


def _no_answer(error: grpc.RpcError) -> UserError:
    reason = str(error)
    with suppress(AttributeError):  # not every class has them
        reason = f"{error.code().name}: {error.details()}"
    return UserError(
        f"--job_endpoint: the job server must answer until the job has ended, got {reason}; rerun "
        "the same command to resume"
    )
