"""What is killed costs one line at most, and a rerun makes the records of an undisturbed run."""

import os
import signal
import time
from pathlib import Path

import pytest
from clusters import Engine, dask_cluster, records, run, start

pytestmark = pytest.mark.slow

# Those that stand in for a cluster are not ours to kill.
OURS = pytest.mark.skipif("JOB_ENDPOINT" in os.environ, reason="the job server is not ours")


def finished(output: Path) -> int:
    """Return the number of finished shards."""
    return len(list((output / "progress" / "reports").glob("[!.]*.json")))


def start_some(command: list[str], output: Path, shards: int = 3):
    """Start a command, and wait until some shards are finished."""
    process = start(command)
    while finished(output) < shards:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def error_of(process) -> tuple[int, str]:
    """Return the exit code, and the one line that the command ends with."""
    out, error = process.communicate(timeout=120)
    assert out == ""
    assert "Traceback" not in error
    [line] = [line for line in error.splitlines() if line.startswith("error: ")]
    return process.returncode, line


def worker_of(pool: int) -> int:
    """Return the process id of a worker pool's worker."""
    children = Path(f"/proc/{pool}/task/{pool}/children").read_text().split()
    threads = Path(f"/proc/{pool}/task").iterdir()
    children += [pid for thread in threads for pid in (thread / "children").read_text().split()]
    return int(max(children, key=int))


def rerun(command, output, clean):
    assert not (output / "COMPLETED").exists()
    assert "resuming: " in run(command)
    assert records(str(output)) == clean


def test_a_killed_dask_worker_and_scheduler(generating, clean, tmp_path):
    """The other worker does what is left; without a scheduler the job fails."""
    output = tmp_path / "out"
    with dask_cluster(tmp_path) as cluster:
        process = start_some(generating(output, cluster), output)
        os.kill(cluster.pids["worker"], signal.SIGKILL)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert records(str(output)) == clean
        output = tmp_path / "other"
        process = start_some(generating(output, cluster), output)
        os.kill(cluster.pids["scheduler"], signal.SIGKILL)
        code, line = error_of(process)
    assert code == 1
    assert "--runner DaskRunner: the scheduler must answer and have workers" in line
    rerun(generating(output), output, clean)


def test_a_killed_command(dask, generating, clean, tmp_path):
    output = tmp_path / "out"
    process = start_some(generating(output, dask), output)
    process.kill()
    process.communicate()
    rerun(generating(output, dask), output, clean)


@pytest.mark.parametrize("engine", ["dask", "portable"])
def test_ctrl_c_cancels_the_job(engine, request, generating, clean, tmp_path):
    output = tmp_path / "out"
    command = generating(output, request.getfixturevalue(engine))
    process = start_some(command, output)
    process.send_signal(signal.SIGINT)
    assert error_of(process) == (130, "error: interrupted; rerun the same command to resume")
    rerun(command, output, clean)


@OURS
def test_a_killed_worker_of_a_pool(portable: Engine, generating, clean, tmp_path):
    """The job service waits for it without end, so the time limit ends the job."""
    output = tmp_path / "out"
    command = generating(output, portable)
    process = start_some([*command, "--job-timeout", "0.004"], output, shards=1)
    os.kill(worker_of(portable.pids["pool"]), signal.SIGKILL)
    code, line = error_of(process)
    assert code == 1
    assert "--job_timeout: a job must end within 0.004 hours" in line
    rerun(command, output, clean)


@OURS
def test_a_missing_pool_is_one_line(portable: Engine, generating, tmp_path):
    options = [*portable.options, "--environment_config=127.0.0.1:1"]
    process = start(generating(tmp_path / "out", Engine(options)))
    code, line = error_of(process)
    assert code == 1
    assert line.startswith("error: --runner PortableRunner: must be able to run: ")
    assert line.endswith("Connection refused")
