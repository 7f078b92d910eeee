"""Worker processes of Beam's local runner: each belongs to one run, and a dead one ends its run.

The first test fails if a version of Beam does without the class that is replaced.
"""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import apache_beam as beam
import pytest

from data_prep import beam_workers
from data_prep.beam_options import pipeline_options
from data_prep.beam_run import run_quietly
from data_prep.errors import UserError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def shared(monkeypatch, tmp_path):
    """Let worker processes import this file, and share a folder with it."""
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{Path.cwd()}")
    monkeypatch.setenv("SHARED_BY_STEPS", str(tmp_path))
    return tmp_path


def run(step):
    with beam.Pipeline(options=pipeline_options(workers=2)) as pipeline:
        _ = pipeline | beam.Create(range(4)) | beam.Reshuffle() | beam.Map(step)


def test_beam_lets_us_start_and_stop_its_workers(monkeypatch):
    started = []
    monkeypatch.setattr(beam_workers.Workers, "add", lambda _, process: started.append(process))
    run_quietly(partial(run, str), beside=False)
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def die_first(_):
    """Die, unless another step did so; then go on for longer than the test may take."""
    try:
        Path(os.environ["SHARED_BY_STEPS"], "dead").touch(exist_ok=False)
    except FileExistsError:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("beside", [False, True])
def test_a_killed_process_ends_the_run_while_others_are_busy(beside, capfd):
    with pytest.raises(UserError, match=r"worker process: must run .* exit code -9"):
        run_quietly(partial(run, die_first), beside=beside)
    assert capfd.readouterr() == ("", "")


def wait_for_the_other(_):
    shared = Path(os.environ["SHARED_BY_STEPS"])
    (shared / "started").touch()
    while not (shared / "other has ended").exists():
        time.sleep(0.05)


def test_the_end_of_a_run_leaves_the_processes_of_others_alone(shared):
    errors = []

    def run_long():
        try:
            run_quietly(partial(run, wait_for_the_other), beside=True)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run_long)
    thread.start()
    while not (shared / "started").exists():
        time.sleep(0.05)
    run_quietly(partial(run, str), beside=True)
    (shared / "other has ended").touch()
    thread.join()
    assert errors == []
