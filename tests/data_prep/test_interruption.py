"""Commands that are interrupted, killed, or out of disk space say one line and are resumed."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from data_set_contents import contents
from small_videos import TINY

from data_prep.config import DataConfig
from data_prep.generate import generate
from data_prep.sources import examination, kinetics, manifest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def work(video_folder, tmp_path_factory):
    """A folder with a manifest and settings, whose name and TMPDIR are full of odd characters."""
    root = tmp_path_factory.mktemp("run [v1] 50% #1")
    videos, _ = examination.examine_all(kinetics.find_videos(str(video_folder)))
    manifest.write(str(root / "manifest.csv"), videos)
    (root / "t [x] #%").mkdir()
    return root


@pytest.fixture(scope="module")
def settings(work):
    config = DataConfig(
        clip=TINY, train_mixtures=100, eval_mixtures=4, records_per_shard=2, eval_fraction=0.3
    )
    (work / "config.yaml").write_text(json.dumps(config.model_dump()))
    return config


@pytest.fixture(scope="module")
def clean(work, settings):
    """What an undisturbed run gives."""
    generate(manifest.read(str(work / "manifest.csv")), str(work / "clean"), settings)
    return contents(work / "clean")


def start(work, output, workers=1, **options):
    """Start the command in a session, as a shell starts it on a terminal."""
    command = [sys.executable, "-m", "data_prep", "generate", "--manifest", "manifest.csv"]
    command += ["--output", output, "--config", "config.yaml", "--workers", str(workers)]
    # TensorFlow's notices are silenced by the command, not by this process.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return subprocess.Popen(
        command,
        cwd=work,
        env=inherited | {"PYTHONPATH": str(Path.cwd()), "TMPDIR": str(work / "t [x] #%")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def reports(output):
    return len(list((output / "progress/reports").glob("[!.]*.json")))


def wait_until(process, condition):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def processes_of(session):
    """Return the processes of a session that have not ended."""
    found = subprocess.run(
        ["ps", "-o", "stat=,args=", "-s", str(session)], capture_output=True, text=True
    )
    return [line for line in found.stdout.splitlines() if not line.startswith("Z")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whom", ["group", "parent"])
def test_ctrl_c_is_one_line_and_leaves_nothing_running(work, settings, clean, workers, whom):
    output = work / f"interrupted {workers} {whom}"
    process = start(work, output.name, workers)
    wait_until(process, lambda: reports(output) >= 3)
    (os.killpg if whom == "group" else os.kill)(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error.splitlines()) == (
        130,
        "",
        ["error: interrupted; rerun the same command to resume"],
    )
    assert processes_of(process.pid) == []
    assert not (output / "COMPLETED").exists()
    before = {path: path.stat().st_mtime_ns for path in output.glob("*/*.tfrecord")}
    process = start(work, output.name)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0
    assert error.startswith("resuming: ")
    assert contents(output) == clean
    kept = [path for path, time in before.items() if path.stat().st_mtime_ns == time]
    assert len(kept) >= 3


def test_kills_at_random_points(work, settings, clean):
    """The same command, killed again and again, ends with the records of an undisturbed run."""
    output, rng, sessions = work / "killed", random.Random(0), []
    for _ in range(8):
        process = start(work, output.name, rng.choice([1, 1, 2]))
        sessions.append(process.pid)
        before = reports(output)
        moment = rng.choice(["start", "shards"])
        if moment == "shards":
            while reports(output) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
        else:
            time.sleep(rng.uniform(0, 2))
        process.kill()
        process.communicate()
        if (output / "COMPLETED").exists():
            assert contents(output).items() >= clean.items()
    process = start(work, output.name)
    process.communicate(timeout=300)
    assert contents(output) == clean
    # Workers notice that the process that started them is gone.
    while any(map(processes_of, sessions)):
        time.sleep(0.1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_cannot_grow_is_one_line_and_the_rerun_completes(
    work, settings, clean, workers
):
    """A limit of the size of files stands for a disk that is full."""
    largest = max(len(data) for name, data in clean.items() if name.endswith("tfrecord"))
    output = work / f"full {workers}"

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, largest - 1))

    process = start(work, output.name, workers, preexec_fn=limit)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 1
    [line] = [line for line in error.splitlines() if line]
    assert line.startswith("error: ")
    assert line.endswith("File too large")
    assert not (output / "COMPLETED").exists()
    process = start(work, output.name)
    process.communicate(timeout=300)
    assert contents(output) == clean


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk(work, settings, clean, tmp_path):
    output = work / "disk"
    output.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(output)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed")
    try:
        process = start(work, "disk/out")
        _, error = process.communicate(timeout=300)
        [line] = error.splitlines()
        assert "No space left on device" in line
        subprocess.run(["mount", "-o", "remount,size=64m", str(output)], check=True)
        process = start(work, "disk/out")
        process.communicate(timeout=300)
        assert contents(output / "out") == clean
    finally:
        subprocess.run(["umount", str(output)], check=True)


def test_two_commands_on_one_folder(work, settings, clean):
    first = start(work, "shared")
    wait_until(first, lambda: reports(work / "shared") > 0)
    second = start(work, "shared")
    _, error = second.communicate(timeout=300)
    assert second.returncode == 1
    assert f"must have one writer at a time, got a second while process {first.pid} on" in error
    assert len(error.splitlines()) == 1
    first.communicate(timeout=300)
    assert contents(work / "shared") == clean
