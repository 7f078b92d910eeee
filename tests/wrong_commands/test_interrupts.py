"""Ctrl-C and SIGTERM: exit code 130, one line, no process and no draft left; a rerun finishes."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import workplace

RESUMABLE = "error: interrupted; rerun the same command to resume\n"
INTERRUPTED = "error: interrupted\n"
DEADLINE = 120  # seconds until a command has begun its work, on a busy machine

SETTINGS = f"{workplace.SETTINGS.replace('train_mixtures: 3', 'train_mixtures: 30')}\n"
SETTINGS += "records_per_shard: 1\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("interrupts")
    workplace.fill(folder)
    (folder / "many.yaml").write_text(SETTINGS)
    return folder


def interrupted(
    command: str, folder: Path, begun: Callable[[], bool], number: int = signal.SIGINT
) -> str:
    """Interrupt a command and all its processes, as a terminal does; return what it printed."""
    words = [sys.executable, "-m", *shlex.split(command)]
    process = subprocess.Popen(
        words, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + DEADLINE
    while not begun() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert process.poll() is None, process.stderr.read()
    assert begun()
    os.killpg(process.pid, number)
    try:
        _, errors = process.communicate(timeout=DEADLINE)
        assert process.returncode == 130, errors
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return errors


def made(folder: Path, pattern: str) -> Callable[[], bool]:
    return lambda: any(folder.rglob(pattern))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_generate(place, workers, number):
    name = f"data-{workers}-{number}"
    command = f"data_prep generate --videos videos --output {name} --config many.yaml"
    reports = place / name / "progress/reports"
    command += f" --workers {workers}"
    errors = interrupted(command, place, lambda: any(reports.glob("*.json")), number)
    assert errors == RESUMABLE
    assert not (place / name / "COMPLETED").exists()
    again = workplace.run_process(command, cwd=place)
    assert again.code == 0, again.err
    assert "resuming: " in again.err
    assert (place / name / "COMPLETED").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_index(place, tmp_path, workers):
    videos = tmp_path / "videos"
    videos.mkdir()
    for number in range(600):
        (videos / f"clip{number}.mp4").symlink_to(place / f"videos/clip{number % 6}.mp4")
    command = f"data_prep index --videos {videos} --output {tmp_path}/m.csv --workers {workers}"
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    command_in_scratch = made(scratch, "manifest-*/*")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(scratch))
        errors = interrupted(command, place, command_in_scratch)
    assert errors == INTERRUPTED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tmp", "videos"]
    assert not made(scratch, "manifest-*")()


@pytest.mark.slow
def test_sample(tmp_path):
    command = "data_prep sample --output sample --clips 64"
    assert interrupted(command, tmp_path, made(tmp_path, "*.mp4")) == INTERRUPTED
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_mix(place, tmp_path):
    command = "data_prep mix videos/clip0.mp4 videos/clip1.mp4 --size 1024 --type occlusion"
    command += f" --output {tmp_path}/m.mp4"
    assert interrupted(command, place, made(tmp_path, ".m.mp4*")) == INTERRUPTED
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_inspect(place, tmp_path):
    records = "data-for-sheets"
    command = f"data_prep generate --videos videos --output {records} --config many.yaml"
    assert workplace.run_process(command, cwd=place).code == 0
    command = f"data_prep inspect {records} --output {tmp_path}/sheets --count 30"
    assert interrupted(command, place, made(tmp_path, "*.png")) == INTERRUPTED
    assert not any(path.name.startswith(".") for path in (tmp_path / "sheets").iterdir())
