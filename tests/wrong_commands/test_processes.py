"""Commands as real processes: wrong ones, and those whose output cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import workplace

pytestmark = pytest.mark.slow

INDEX = "data_prep index --videos videos --output"


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("data_prep color", 2, "No such command 'color'"),
        ("data_prep sample --output o --seed nan", 2, "got nan"),
        ("data_prep generate --videos no --output o --config laughs.yaml", 1, "at most 20000"),
        (f"{INDEX} m.csv --runner FooRunner", 2, "--runner: must be one of"),
        (f"{INDEX} file/m.csv", 1, "file/m.csv: Not a directory"),
        ("data_prep inspect file --output o --config config.yaml", 1, "must be a complete file"),
        ("models benchmark --preset huge", 1, "preset: must be one of"),
        ("models summary --system ''", 1, "system: must be one of"),
        ("serving serve --port 0 --model badmodel --host 256.1.1.1", 1, "256.1.1.1"),
        ("serving serve --port 0 --model badmodel", 1, "no version can be loaded"),
        ("pipeline run --set data.seed=2024-99-99", 1, "month must be in 1..12"),
        ("pipeline run --videos videos --set mixtures=/nope", 1, "/nope"),
    ],
)
def test_a_wrong_command_is_one_line_and_leaves_nothing(filled, command, code, words):
    with workplace.unchanged(filled):
        workplace.check(workplace.run_process(command, cwd=filled), code, words)


def test_a_reader_that_ends_early_ends_the_command_quietly(filled, tmp_path):
    words = [sys.executable, "-m", *INDEX.split(), str(tmp_path / "m.csv")]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(words, cwd=filled, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_output_on_a_full_disk_is_one_line(filled, tmp_path):
    words = [sys.executable, "-m", *INDEX.split(), str(tmp_path / "m.csv")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            words, cwd=filled, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device\n"


def test_names_that_a_terminal_cannot_show_are_escaped(filled, tmp_path):
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    output = str(tmp_path / "größe.csv")
    done = workplace.run_process(f"{INDEX} {output}", cwd=filled, env=ascii_only)
    assert (done.code, done.err) == (0, "")
    assert "6 videos in " in done.out
    done = workplace.run_process(f"{INDEX} file/größe.csv", cwd=filled, env=ascii_only)
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_a_name_that_the_locale_cannot_hold_is_one_line(filled):
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with workplace.unchanged(filled):
        ended = workplace.run_process(f"{INDEX} größe.csv", cwd=filled, env=os.environ | locale)
        workplace.check(ended, 2, "--output: must be text in ascii")


def test_a_name_that_is_not_utf_8_is_one_line(filled):
    words = [sys.executable.encode(), b"-m", *INDEX.encode().split(), b"file/\xff.csv"]
    done = subprocess.run(words, cwd=filled, capture_output=True, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert done.stderr.startswith(b"error: --output: must be text in utf-8")


@pytest.mark.parametrize("option", ["--videos", "--output"])
def test_a_store_without_its_package_is_one_line(filled, tmp_path, option):
    (tmp_path / "s3fs.py").write_text("raise ImportError('not here')")
    paths = {"--videos": "videos", "--output": "m.csv"} | {option: "s3://bucket/x"}
    words = " ".join(f"{name} {value}" for name, value in paths.items())
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with workplace.unchanged(filled):
        ended = workplace.run_process(f"data_prep index {words}", cwd=filled, env=environment)
        workplace.check(ended, 1, "s3:// needs a package that is not installed: pip install")
