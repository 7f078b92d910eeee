"""Pipelines fail with the error that a step raised, in this process and in workers."""

import signal
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.direct import DirectRunner
from apache_beam.runners.runner import PipelineRunner

from data_prep.beam_options import pipeline_options
from data_prep.beam_run import running
from data_prep.errors import StorageError, UserError
from data_prep.media.decoding import UnusableError


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let worker processes import this file, which holds the steps."""
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{Path.cwd()}")


MODES = pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])


def run(step, workers):
    with running(beam.Pipeline(options=pipeline_options(workers=workers))) as pipeline:
        _ = pipeline | beam.Create([1, 2]) | beam.Reshuffle() | beam.Map(step)


def storage_error(_):
    raise StorageError("/a [1]/b", "stale file handle")


def user_error(_):
    raise UserError("thing: must be 1, got 2")


def too_little_memory(_):
    raise MemoryError("for the frames")


def bug(_):
    raise KeyError("a bug")


def bug_with_an_error_of_ours(_):
    raise UnusableError("has no video track")


def bug_after_an_error_of_the_user(_):
    try:
        user_error(_)
    except UserError as error:
        raise KeyError("a bug") from error


def interrupt(_):
    signal.raise_signal(signal.SIGINT)


@MODES
@pytest.mark.parametrize(
    ("step", "message"),
    [(storage_error, "/a [1]/b: stale file handle"), (user_error, "thing: must be 1, got 2")],
)
def test_the_error_of_a_step_is_raised_as_it_is(workers, step, message, capfd):
    with pytest.raises(UserError) as caught:
        run(step, workers)
    assert str(caught.value) == message
    assert capfd.readouterr() == ("", "")


def test_the_class_of_an_error_is_kept_within_a_process():
    with pytest.raises(StorageError) as caught:
        run(storage_error, 1)
    assert (caught.value.uri, caught.value.reason) == ("/a [1]/b", "stale file handle")


@MODES
def test_too_little_memory_is_no_bug(workers):
    with pytest.raises(MemoryError, match="for the frames"):
        run(too_little_memory, workers)


@MODES
@pytest.mark.parametrize(
    ("step", "message"),
    [
        (bug, "a bug"),
        (bug_with_an_error_of_ours, "has no video track"),
        (bug_after_an_error_of_the_user, "a bug"),
    ],
)
def test_a_bug_is_not_taken_for_a_mistake_of_the_user(workers, step, message):
    with pytest.raises(Exception, match=message) as caught:
        run(step, workers)
    assert not isinstance(caught.value, UserError)


def test_an_interrupt_within_a_step_is_an_interrupt():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(interrupt, 1)
    assert signal.getsignal(signal.SIGINT) is before


class Unable(PipelineRunner):
    def run_pipeline(self, pipeline, options):
        raise RuntimeError("no job server")


class Remote(DirectRunner):
    def run_pipeline(self, pipeline, options):
        try:
            return super().run_pipeline(pipeline, options)
        except KeyError as error:
            raise RuntimeError(f"Pipeline failed: {error}") from error


def run_by(runner, step):
    options = pipeline_options(["--runner", f"{__name__}.{runner.__name__}"])
    with running(beam.Pipeline(options=options)) as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(step)


def test_a_runner_that_cannot_run_is_an_error_of_the_option():
    with pytest.raises(UserError, match=r"^--runner .*Unable: must be able to run: no job server"):
        run_by(Unable, print)


def test_a_bug_is_no_fault_of_the_runner():
    with pytest.raises(RuntimeError, match=r"Pipeline failed: .*a bug"):
        run_by(Remote, bug)
