"""A job is canceled at its time limit, and when the wait for it is interrupted."""

import signal
import threading

import grpc
import pytest
from apache_beam.runners.runner import PipelineResult, PipelineState

from data_prep.engines import limited
from data_prep.engines.limited import LimitedResult
from data_prep.errors import UserError

HOUR = 3600


class Job(PipelineResult):
    """A job that does something while it is waited for."""

    def __init__(self, act, *, cancels=True):
        super().__init__(PipelineState.RUNNING)
        self.act = act
        self.cancels = cancels
        self.canceled = threading.Event()

    def wait_until_finish(self, duration=None):
        self.act(self)
        return PipelineState.DONE

    def cancel(self):
        self.canceled.set()
        if not self.cancels:
            threading.Event().wait()


def hang(job):
    job.canceled.wait()


def interrupt(job):
    signal.raise_signal(signal.SIGINT)
    hang(job)


class Unavailable(grpc.RpcError):
    def code(self):
        return grpc.StatusCode.UNAVAILABLE

    def details(self):
        return "Connection refused"


def test_a_job_that_ends_in_time_is_not_canceled():
    job = Job(lambda job: None)
    assert LimitedResult(job, 1.0).wait_until_finish() == PipelineState.DONE
    assert LimitedResult(job, None).wait_until_finish() == PipelineState.DONE
    assert not job.canceled.is_set()


def test_a_job_is_canceled_at_its_limit():
    job = Job(hang)
    with pytest.raises(UserError, match=r"--job_timeout: .* 5e-05 hours, .* canceled; rerun"):
        LimitedResult(job, 0.18 / HOUR).wait_until_finish()
    assert job.canceled.is_set()


def test_a_shorter_wait_counts():
    job = Job(hang)
    with pytest.raises(UserError):
        LimitedResult(job, 1.0).wait_until_finish(duration=100)
    assert job.canceled.is_set()


def test_an_engine_that_does_not_cancel_is_told(monkeypatch):
    monkeypatch.setattr(limited, "_CANCELING", 0.1)
    job = Job(lambda job: threading.Event().wait(), cancels=False)
    with pytest.raises(UserError, match="the engine did not cancel it in time"):
        LimitedResult(job, 0.1 / HOUR).wait_until_finish()


def test_ctrl_c_cancels_a_job():
    job = Job(interrupt)
    with pytest.raises(KeyboardInterrupt):
        LimitedResult(job, None).wait_until_finish()
    assert job.canceled.is_set()


@pytest.mark.parametrize("error", [RuntimeError("failed"), UserError("thing: must be 1")])
def test_the_error_of_a_job_is_raised_as_it_is(error):
    def fail(job):
        raise error

    with pytest.raises(type(error)) as caught:
        LimitedResult(Job(fail), 1.0).wait_until_finish()
    assert caught.value is error


def test_a_job_server_that_is_gone_is_an_error_of_the_user():
    def fail(job):
        raise Unavailable

    with pytest.raises(UserError, match="got UNAVAILABLE: Connection refused; rerun"):
        LimitedResult(Job(fail), 1.0).wait_until_finish()
