"""The command itself: interruptions and kills at every point, and the rerun that goes on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tiny_pipelines import CACHED, Tiny, spec_of, write_job

from data_prep import storage

pytestmark = pytest.mark.slow

OUT = "out [1] 50%"
DEADLINE = 60  # seconds
RESUMABLE = "error: interrupted; rerun the same command to resume"
RAN = """
with open(os.environ["FOLDER"] + "/ran", "a") as file:
    file.write({name!r})
"""
# Waits for a file, with a child that waits as well; it wakes up by itself if nobody ends it.
WAITS = (
    RAN
    + """
import subprocess
folder = pathlib.Path(os.environ["FOLDER"])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
(folder / "pids").write_text(f"{{os.getpid()}} {{child.pid}}")
while not (folder / "go").exists():
    time.sleep(0.01)
child.kill()
"""
)
# Kills the command when it is about to write one of the files that it keeps.
KILLS = """
import os, signal
from data_prep import cli, storage
from pipeline.commands import main
from data_prep.storage import files

kept, calls = storage.write_text, []

def write_text(uri, text):
    calls.append(uri)
    if len(calls) == {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    kept(uri, text)

storage.write_text = write_text
main(prog_name="python -m pipeline")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("FOLDER", str(tmp_path))
    (tmp_path / "bucket").mkdir()
    return tmp_path


def write(place, **scripts):
    """Write a pipeline of tasks that depend on each other in the order of their names."""
    names = list(scripts)
    tasks = {
        name: Tiny(
            f"{script.format(name=name)}\nwrite('out', {name!r})",
            artifacts={"a": f"{before}.out"} if before else {},
            writes=["out"],
            more=CACHED,
        )
        for before, (name, script) in zip(["", *names], scripts.items(), strict=False)
    }
    write_job(place / "job.json", spec_of(tasks), "gs://bucket/root")


def command(place):
    words = ["run-compiled", place / "job.json", "--output", place / OUT]
    return list(map(str, [*words, "--place", f"gs://bucket={place / 'bucket'}"]))


def run(place, *start):
    start = start or (sys.executable, "-m", "pipeline")
    done = subprocess.run([*start, *command(place)], capture_output=True, text=True, check=False)
    ran = (place / "ran").read_text() if (place / "ran").exists() else ""
    (place / "ran").unlink(missing_ok=True)
    return done, ran


def started(place):
    """Start the command, and return it with the ids of its task's processes, once that waits."""
    with (place / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *command(place)], stderr=errors
        )
    end = time.monotonic() + DEADLINE
    while not (place / "pids").exists() or not (place / "pids").read_text():
        assert process.poll() is None, (place / "stderr").read_text()
        assert time.monotonic() < end
        time.sleep(0.01)
    return process, list(map(int, (place / "pids").read_text().split()))


def has_ended(pid):
    end = time.monotonic() + DEADLINE
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < end
            time.sleep(0.01)
    return True


def run_ids(place):
    return sorted(path.name for path in (place / OUT / "runs").iterdir())


def test_output_of_the_command(place):
    write(place, A=RAN, B=RAN)
    done, ran = run(place)
    assert (done.returncode, ran) == (0, "AB")
    [run_id] = run_ids(place)
    assert re.fullmatch(r"tiny-\d{17}", run_id)
    lines = [re.sub(r"\d+\.\d s", "N s", line) for line in done.stderr.splitlines()]
    assert lines == [f"running {run_id}", "[1/2] A ...", "    A: N s", "[2/2] B ...", "    B: N s"]
    root = place / "bucket" / "root" / run_id
    assert done.stdout.splitlines() == [
        f"{run_id} succeeded: 2 tasks; artifacts in {root}",
        f"B.out: {root / 'B' / 'out'}",
    ]
    assert (root / "B" / "out" / "data.txt").read_text() == "B"
    again, ran = run(place)
    assert (again.returncode, ran) == (0, "")
    assert again.stderr.splitlines()[1:] == [
        "[1/2] A ...",
        "    A: cached",
        "[2/2] B ...",
        "    B: cached",
    ]
    assert " succeeded: 2 tasks, 2 of them cached; " in again.stdout


def test_a_failure_is_one_line(place):
    write(place, A="sys.exit('error: no luck')")
    done, _ = run(place)
    assert (done.returncode, done.stdout) == (1, "")
    [log] = place.rglob("attempt-1.log")
    assert done.stderr.splitlines()[-1] == f"error: A: no luck; its log is {log}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_task_and_is_resumed(place, number):
    write(place, A=RAN, B=WAITS, C=RAN)
    process, pids = started(place)
    process.send_signal(number)
    assert process.wait(DEADLINE) == 130
    assert all(map(has_ended, pids))
    lines = (place / "stderr").read_text().splitlines()
    assert lines[-1] == RESUMABLE
    assert not list((place / OUT).rglob(storage.LEASE))
    (place / "go").touch()
    done, ran = run(place)
    assert (done.returncode, ran) == (0, "ABBC")  # all that ran, since the beginning
    assert done.stderr.startswith(f"resuming {run_ids(place)[0]}\n[2/3] B ...\n")
    assert len(run_ids(place)) == 1
    # The log of the interrupted attempt is kept.
    assert len(list(place.rglob("attempt-*.log"))) == 4


def test_a_kill_ends_the_task_and_is_resumed(place):
    write(place, A=RAN, B=WAITS, C=RAN)
    process, pids = started(place)
    process.kill()
    process.wait()
    assert all(map(has_ended, pids))
    (place / "go").touch()
    done, ran = run(place)
    assert (done.returncode, ran) == (0, "ABBC")
    assert len(run_ids(place)) == 1


def test_a_task_that_ignores_sigterm_ends_nevertheless(place):
    write(place, A="signal.signal(signal.SIGTERM, signal.SIG_IGN)" + WAITS)
    process, pids = started(place)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    assert all(map(has_ended, pids))


def test_a_killed_task_is_a_failure_of_the_task(place):
    write(place, A=WAITS)
    process, (pid, child) = started(place)
    os.kill(pid, signal.SIGKILL)
    assert process.wait(DEADLINE) == 1
    assert has_ended(child)
    assert "exit code 137" in (place / "stderr").read_text()


@pytest.mark.parametrize("before", range(1, 10))
def test_a_kill_before_any_write_is_resumed(place, before):
    """It writes the run; of each task its message, cache entry and record; and the run's end."""
    write(place, A=RAN, B=RAN)
    code = KILLS.format(before=before)
    done, ran = run(place, sys.executable, "-c", code)
    if before == 9:  # there are eight writes
        assert (done.returncode, ran) == (0, "AB")
        return
    assert done.returncode == -signal.SIGKILL
    assert ran == "AB"[: before // 3]
    again, more = run(place)
    assert again.returncode == 0, again.stderr
    assert ran + more in ("AB", "AAB", "ABB")  # a task that ran just before is run again
    assert (ran + more == "AB") == (before not in (3, 6))
    assert len(run_ids(place)) == 1
    assert "cached" not in again.stderr + again.stdout
    if before == 8:  # all was done but for the note that it was
        another, ran = run(place)
        assert (another.returncode, ran) == (0, "")
        assert len(run_ids(place)) == 2


def test_another_pipeline_does_not_resume(place):
    write(place, A=RAN, B=WAITS)
    process, _ = started(place)
    process.kill()
    process.wait()
    write(place, A=RAN, B=RAN)
    done, _ = run(place)
    assert done.returncode == 0
    assert len(run_ids(place)) == 2
    assert "    A: cached" in done.stderr.splitlines()


def test_output_has_one_run_at_a_time(place):
    write(place, A=RAN)
    with storage.lease(str(place / OUT)):
        done, ran = run(place)
    assert (done.returncode, ran) == (1, "")
    assert "must have one writer at a time" in done.stderr


def test_records_are_json_of_their_class(place):
    write(place, A="sys.exit('error: no luck')", B=RAN)
    run(place)
    [record] = place.rglob("A/task.json")
    found = json.loads(record.read_text())
    assert (found["state"], found["reason"]) == ("failed", "no luck")
    assert Path(found["log"]).is_file()
    [record] = place.rglob("B/task.json")
    assert json.loads(record.read_text())["state"] == "not run"
    [record] = place.rglob("run.json")
    assert json.loads(record.read_text())["ended"] is True
