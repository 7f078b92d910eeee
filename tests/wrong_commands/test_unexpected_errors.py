"""What ends a command although no input of a user should make it: still one line."""

from pathlib import Path

import click
import pytest
import workplace

from data_prep import video_commands
from data_prep.errors import StorageError

INDEX = "data_prep index --videos videos --output m.csv"
RESUMABLE = "error: interrupted; rerun the same command to resume\n"


@pytest.fixture
def failing(filled, monkeypatch):
    """Give a function that runs `index` with an error inside."""
    monkeypatch.chdir(filled)

    def run(error, options=""):
        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(video_commands.examination, "examine_all", fail)
        with workplace.unchanged(filled):
            return workplace.run(f"{INDEX} {options}")

    return run


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError("Unable to allocate 9 TiB"), "memory: must be enough for this command, got"),
        (RecursionError("maximum recursion depth exceeded"), "input: must not be nested as deeply"),
        (StorageError("s3://b/x", "timeout"), "s3://b/x: timeout"),
        (StorageError("a\x1b[2J\n\udcffb", "no file"), r"error: a\x1b[2J \udcffb: no file"),
        (OSError(28, "No space left on device", "x"), "No space left on device"),
    ],
)
def test_errors_of_the_machine(failing, error, line):
    ended = failing(error)
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert line in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption(failing, error):
    assert failing(error) == workplace.Ended(130, "", RESUMABLE)


def test_a_bug_is_one_line_that_names_a_file_with_the_traceback(failing, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = failing(KeyError("v1"))
    (report,) = tmp_path.iterdir()
    message = f"unexpected KeyError: 'v1'; this is a bug, please report it with {report}"
    assert ended == workplace.Ended(1, "", f"error: {message}\n")
    text = Path(report).read_text()
    assert text.startswith("Traceback (most recent call last):")
    assert "in fail\n    raise error" in text


def test_a_bug_is_no_fault_of_the_runner(failing, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = failing(AttributeError("foo"), "--runner InteractiveRunner")
    assert "unexpected AttributeError: foo; this is a bug" in ended.err
    assert list(tmp_path.iterdir())


def test_a_bug_is_reported_although_no_file_can_be_written(failing, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/proc/none")
    ended = failing(KeyError("v1"))
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "this is a bug: Traceback (most recent call last): " in ended.err
