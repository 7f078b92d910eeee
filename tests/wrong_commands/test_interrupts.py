"""Ctrl-C and SIGTERM: exit code 130, one line, no process and no draft left; a rerun finishes."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
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
    command: str,
    folder: Path,
    begun: Callable[[], bool],
    number: int = signal.SIGINT,
    log: Path | None = None,
) -> str:
    """Interrupt a command and all its processes, as a terminal does.

    Args:
        command: the command.
        folder: its working directory.
        begun: says whether it has begun its work.
        number: the signal.
        log: file of what it prints to stderr; a temporary one by default.

    Returns:
        What it printed to stderr.
    """
    words = [sys.executable, "-m", *shlex.split(command)]
    with log.open("w+") if log else tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            words, cwd=folder, stdout=errors, stderr=errors, start_new_session=True
        )
        try:
            _wait(process, begun)
            os.killpg(process.pid, number)
            code = process.wait(DEADLINE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            errors.seek(0)
            text = errors.read()
    assert code == 130, text
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return text


def _wait(process: subprocess.Popen, begun: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not begun() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert process.poll() is None
    assert begun()


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
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_index(place, tmp_path, workers, number):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in range(600):
        (videos / f"clip{name}.mp4").symlink_to(place / f"videos/clip{name % 6}.mp4")
    command = f"data_prep index --videos {videos} --output {tmp_path}/m.csv --workers {workers}"
    begun = made(tmp_path, ".index-m.csv/*/*.gz")
    if number == signal.SIGINT:
        assert interrupted(command, place, begun) == RESUMABLE
        assert names(tmp_path) == ["m.examined.jsonl.gz", "videos"]
    else:
        words = [sys.executable, "-m", *shlex.split(command)]
        with subprocess.Popen(words, cwd=place, start_new_session=True) as process:
            _wait(process, begun)
            os.killpg(process.pid, number)
        assert names(tmp_path) == [".index-m.csv", "videos"]
    again = workplace.run_process(command, cwd=place)
    assert again.code == 0, again.err
    known = re.fullmatch(r"files that were examined .* since: (\d+) of 600\n", again.err)
    assert known, again.err
    assert 0 < int(known[1]) < 600
    assert names(tmp_path) == ["m.csv", "m.examined.jsonl.gz", "m.rejected.csv", "videos"]
    assert again.out.startswith("6 videos in ")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["MixtureGen", "Trainer"])
def test_pipeline(place, tmp_path_factory, stage):
    output = tmp_path_factory.getbasetemp() / "run"
    overrides = {
        "data.train_mixtures": 40,
        "data.eval_mixtures": 4,
        "data.eval_fraction": 0.4,
        "data.records_per_shard": 1,
        "data.clip.frames": 8,
        "data.clip.fps": 8,
        "train.steps": 1000,
        "workers": 2,
    }
    words = " ".join(f"--set {key}={value}" for key, value in overrides.items())
    log = tmp_path_factory.mktemp("log") / "stderr"
    command = f"pipeline run --videos videos --output {output} {words}"
    errors = interrupted(command, place, lambda: f"] {stage} ..." in log.read_text(), log=log)
    assert errors.splitlines()[-1] == RESUMABLE.strip()
    assert errors.count("error: ") == 1
    assert "Traceback" not in errors


LOSES_AN_INTERRUPTION = """
import click, time
from data_prep.cli import Commands

class CalledByC:
    def __del__(self):
        print("begun", flush=True)
        time.sleep(60)

@click.group(cls=Commands)
def main():
    pass

@main.command()
def work():
    CalledByC()
    time.sleep(60)

main(["work"])
"""


@pytest.mark.parametrize("sigint", [signal.default_int_handler, signal.SIG_IGN])
def test_an_interruption_that_c_code_loses_also_ends_a_background_job(sigint):
    process = subprocess.Popen(
        [sys.executable, "-c", LOSES_AN_INTERRUPTION],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, sigint),  # shells ignore it in the latter
    )
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    _, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, errors) == (130, INTERRUPTED)
