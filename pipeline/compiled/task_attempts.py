"""Attempts at a task, as many as its retry policy allows."""

import time
from collections.abc import Callable

import tenacity

from data_prep import storage
from pipeline.compiled.task_body import TaskFailedError
from pipeline.compiled.task_call import TaskCall, to_text
from pipeline.compiled.task_records import TaskOutputs

EXECUTOR_INPUT = "executor_input.json"
"""File in a task's folder with the message that its container gets."""


def attempt(call: TaskCall, report: Callable[[str], None]) -> TaskOutputs:
    """Run a task until it succeeds.

    Args:
        call: the call of the task.
        report: is told about an attempt that failed and is followed by another one.

    Returns:
        Its outputs.

    Raises:
        TaskFailedError: no attempt succeeded.
    """
    storage.write_text(storage.join(call.folder, EXECUTOR_INPUT), to_text(call.executor_input()))
    policy = call.task.retry

    def report_failure(state: tenacity.RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        again = f"attempt {state.attempt_number + 1} of {policy.retries + 1}"
        wait = f" in {state.upcoming_sleep:g} s" if state.upcoming_sleep else ""
        report(f"failed: {error}; {again}{wait}")

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TaskFailedError),
        stop=tenacity.stop_after_attempt(policy.retries + 1)
        | tenacity.stop_after_delay(policy.window),
        wait=tenacity.wait_exponential(policy.seconds, exp_base=policy.factor),
        sleep=lambda seconds: _sleep(seconds),
        before_sleep=report_failure,
        reraise=True,
    )
    return attempts(call.task.body.perform, call)


def _sleep(seconds: float) -> None:
    time.sleep(seconds)
