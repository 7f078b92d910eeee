"""Kills commands, Dask workers and worker pools at random points; the records must stay the same.

python tests/benchmarks/killed_engines.py --kills 20
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "engines"))
from clusters import CONFIG, Engine, dask_cluster, environment, records, run, start
from servers import free_port, python, server

from data_prep.sample.write import write_sample

_LIMIT = "0.004"  # hours; Beam's own job service waits for a killed worker without end
_SERVICE = "apache_beam.runners.portability.local_job_service_main"


@contextmanager
def portable(folder: Path):
    """Run a job service and a worker pool, the pool in a session with its workers."""
    pool, service = free_port(), free_port()
    with ExitStack() as stack:
        command = python("data_prep", "worker-pool", "--port", str(pool))
        pid = stack.enter_context(server(command, pool, folder / "pool", environment()))
        command = python(_SERVICE, "--port", str(service))
        stack.enter_context(server(command, service, folder / "service", environment()))
        options = ["--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{service}"]
        options += ["--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{pool}"]
        yield Engine([*options, "--job-timeout", _LIMIT], {"pool": pid}, folder / "pool")


def kill_pool(pid: int) -> None:
    """Kill a pool and its workers."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    for victim in (pid, *map(int, found.stdout.split())):
        os.kill(victim, signal.SIGKILL)


def finished(output: Path) -> int:
    return len(list((output / "progress" / "reports").glob("[!.]*.json")))


def disturbed(engine: Engine, words: list[str], victim: str, files: int) -> int:
    """Start a command, kill something once so many files are finished; return the exit code."""
    process = start([*words, *engine.options])
    while finished(Path(words[-1])) < files and process.poll() is None:
        time.sleep(0.01)
    if victim == "command":
        process.kill()
    elif victim == "pool":
        kill_pool(engine.pids["pool"])
    else:
        os.kill(engine.pids["worker"], signal.SIGKILL)
    _, error = process.communicate()
    assert "Traceback" not in error, error
    return process.returncode


def main() -> None:
    """Kill, rerun, compare, and print a line for each kill."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    work = Path(tempfile.mkdtemp(prefix="killed-"))
    write_sample(str(work / "sample"), clips=8, classes=2)
    (work / "config.yaml").write_text(json.dumps(CONFIG.model_dump()))
    manifest = str(work / "manifest.csv")
    run(["index", "--videos", str(work / "sample" / "videos"), "--output", manifest])
    common = ["generate", "--manifest", manifest, "--config", str(work / "config.yaml"), "--output"]
    run([*common, str(work / "clean")])
    clean = records(str(work / "clean"))
    for number in range(options.kills):
        kind = rng.choice(["dask", "portable"])
        victim = rng.choice(["command", "worker" if kind == "dask" else "pool"])
        words = [*common, str(work / "out")]
        (work / str(number)).mkdir()
        with (dask_cluster if kind == "dask" else portable)(work / str(number)) as engine:
            files = rng.randint(1, len(clean) - 3)
            code = disturbed(engine, words, victim, files)
        kept = finished(work / "out")
        run(words)
        assert records(str(work / "out")) == clean, number
        shutil.rmtree(work / "out")
        print(
            f"{number}: {kind}, {victim} killed after {files} files: exit code {code}, {kept} of "
            f"{len(clean)} files kept, all equal after the rerun",
            flush=True,
        )
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
