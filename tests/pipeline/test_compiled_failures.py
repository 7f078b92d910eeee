"""Tasks that fail: retries, what still runs, what is said."""

from contextlib import suppress

import psutil
import pytest
from tiny_pipelines import CACHED, Tiny, spec_of, write_job, write_yaml

from data_prep.errors import UserError
from pipeline.compiled import task_attempts
from pipeline.compiled.compiled_reader import read_compiled
from pipeline.compiled.compiled_run import run_pipeline
from pipeline.compiled.place_mapping import parse_places

ALWAYS = {"triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}
RAN = "open(os.environ['RAN'], 'a').write({name!r})"
FAILS = RAN + "; print('a line'); sys.exit('error: no luck')"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run tasks, and give what was raised, which ran, and the lines."""
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))

    def run(tasks, write=write_job, **runtime):
        (tmp_path / "ran").write_text("")
        path = write(tmp_path / "file", spec_of(tasks), str(tmp_path / "root"), **runtime)
        pipeline = read_compiled(str(path), parse_places(()))
        error, lines = None, []
        try:
            run_pipeline(pipeline, str(tmp_path / "out"), lines.append)
        except UserError as raised:
            error = str(raised)
        return error, (tmp_path / "ran").read_text(), lines

    return run


def task(name, script=RAN, after=(), **more):
    return Tiny(script.format(name=name), more={"dependentTasks": list(after), **more})


def waits(monkeypatch):
    found = []
    monkeypatch.setattr(task_attempts, "_sleep", found.append)
    return found


def test_message_names_the_task_the_reason_and_the_log(run, tmp_path):
    error, ran, lines = run({"A": task("A", FAILS)})
    [log] = (tmp_path / "out" / "runs").glob("*/A/attempt-1.log")
    assert error == f"A: no luck; its log is {log}"
    assert log.read_text() == "a line\nerror: no luck\n"
    assert ran == "A"
    assert lines[-1].startswith("    A: failed after ")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise ValueError('must be\\n2')", "ValueError: must be"),
        (
            "raise type('UserError', (ValueError,), {})('x: must be 2, got 3')",
            "x: must be 2, got 3",
        ),
        ("print('first'); print('last'); print(); sys.exit(3)", "last"),
        ("sys.exit(3)", "exit code 3"),
        ("sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)", "exit code 137"),
        ("print(\"RuntimeError: bad [while running 'x/y']\"); sys.exit(1)", "RuntimeError: bad"),
        ("print('x' * 1000); sys.exit(1)", "x" * 300 + "..."),
    ],
)
def test_reason_is_what_the_log_ends_with(run, script, reason):
    error, *_ = run({"A": Tiny(script)})
    assert error.startswith(f"A: {reason}; its log is ")


def test_a_command_that_does_not_exist(run):
    error, *_ = run({"A": Tiny(container={"command": ["/no/such"], "args": []})})
    assert error.startswith("A: /no/such: cannot be started: No such file or directory; its log")


def test_a_task_is_tried_again_with_growing_waits(run, monkeypatch, tmp_path):
    found = waits(monkeypatch)
    policy = {"maxRetryCount": 4, "backoffDuration": "10s", "backoffFactor": 3}
    error, ran, lines = run(
        {"A": task("A", FAILS, retryPolicy={**policy, "backoffMaxDuration": "100s"})}
    )
    assert ran == "AAAAA"
    assert found == [10, 30, 90, 270]
    assert error.endswith("attempt-5.log")
    assert lines[2] == "    A: failed: no luck; attempt 2 of 5 in 10 s"
    assert len(list((tmp_path / "out" / "runs").glob("*/A/attempt-*.log"))) == 5


def test_platforms_defaults_of_retries(run, monkeypatch):
    found = waits(monkeypatch)
    run({"A": task("A", FAILS, retryPolicy={"maxRetryCount": 2})})
    assert found == [0, 0]  # at once
    found.clear()
    run({"A": task("A", FAILS, retryPolicy={"maxRetryCount": 3, "backoffDuration": "1000s"})})
    assert found == [1000, 2000, 4000]


def test_no_attempt_begins_after_the_window_of_retries(run, monkeypatch):
    found = waits(monkeypatch)
    policy = {"maxRetryCount": 3, "backoffDuration": "1s", "backoffMaxDuration": "0.001s"}
    _, ran, _ = run({"A": task("A", FAILS, retryPolicy=policy)})
    assert (ran, found) == ("A", [])


def test_a_retry_may_succeed_and_sees_no_earlier_answer(run, monkeypatch, tmp_path):
    waits(monkeypatch)
    flag = tmp_path / "flag"
    script = f"""
        assert not os.path.exists(outputs["outputFile"])
        assert not os.path.exists(outputs["parameters"]["p"]["outputFile"])
        if not os.path.exists({str(flag)!r}):
            pathlib.Path({str(flag)!r}).touch()
            answer({{"p": "early"}})
            pathlib.Path(outputs["parameters"]["p"]["outputFile"]).write_text("early")
            sys.exit(1)
        answer({{"p": "late"}})
    """
    tasks = {
        "A": Tiny(script, returns={"p": "STRING"}, more={"retryPolicy": {"maxRetryCount": 1}}),
    }
    error, *_ = run(tasks)
    assert error is None


def five(fails):
    return {
        "A": task("A", fails),
        "B": task("B", after=["A"]),
        "C": task("C", after=["B"]),
        "D": task("D"),
        "E": task(
            "E", after=["C", "D"], triggerPolicy={"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        ),
    }


def test_vertex_runs_what_does_not_depend_on_the_failed_task(run):
    error, ran, lines = run(five(FAILS))
    assert error.startswith("A: no luck")
    assert ran == "ADE"
    assert "[3/5] B: not run, as A did not succeed" in lines
    assert "[4/5] C: not run, as B did not succeed" in lines


@pytest.mark.parametrize(
    ("write", "runtime"),
    [(write_yaml, {}), (write_job, {"failurePolicy": "PIPELINE_FAILURE_POLICY_FAIL_FAST"})],
)
def test_kubeflow_starts_nothing_after_a_failure(run, write, runtime):
    error, ran, lines = run(five(FAILS), write, **runtime)
    assert error.startswith("A: no luck")
    assert ran == "AE"
    assert "[2/5] D: not run, as A did not succeed" in lines


def test_a_task_that_reads_what_was_not_made_is_not_run(run):
    tasks = {
        "A": Tiny(FAILS.format(name="A"), writes=["out"]),
        "B": Tiny(
            RAN.format(name="B"),
            artifacts={"a": "A.out"},
            more=ALWAYS,
        ),
    }
    _, ran, _ = run(tasks)
    assert ran == "A"


def test_several_failures_are_counted(run):
    error, ran, _ = run({"A": task("A", FAILS), "B": task("B", FAILS)})
    assert ran == "AB"
    assert error.startswith("A: no luck; its log is ")
    assert error.endswith("; 1 more failed")


def test_a_rerun_after_a_failure_is_another_run(run, tmp_path):
    tasks = {"A": task("A", **CACHED), "B": task("B", FAILS, after=["A"], **CACHED)}
    assert run(tasks)[1] == "AB"
    error, ran, lines = run(tasks)
    assert (ran, "    A: cached" in lines) == ("B", True)
    assert error
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 2


def test_what_a_task_leaves_running_ends_with_it(run, tmp_path):
    script = f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
    """
    error, *_ = run({"A": Tiny(script)})
    assert error is None
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int((tmp_path / "pid").read_text()))
        assert process.status() == psutil.STATUS_ZOMBIE
