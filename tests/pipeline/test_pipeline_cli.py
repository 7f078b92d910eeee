"""Wrong input on the command line: one line, an exit code other than 0, nothing left behind."""

import subprocess
import sys

import pytest

SLOW = ("tensorflow", "keras", "tfx", "matplotlib", "apache_beam", "skimage")


def run(*words, cwd, options=()):
    command = [sys.executable, *options, "-m", "pipeline", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def loaded(stderr):
    """The slow libraries that a process run with `-X importtime` loaded."""
    lines = [line for line in stderr.splitlines() if line.startswith("import time:")]
    found = {line.rsplit("|", 1)[1].strip() for line in lines}
    return found & set(SLOW)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--config", "none"], "got 'none'"),
        (["run", "--set", "data.colour=1"], "data.colour: unknown key"),
        (["run", "--set", "model.system=c9"], "system: must be one of"),
        (["tables", "--set", "analyses.fog={}"], "analyses.fog: unknown key"),
        (["run", "--videos", "missing"], "videos folder not found: missing"),
        (["run", "--output", "s3://b/x"], "output: must be a local folder, got s3://b/x"),
        (["tables", "--output", "s3://b/x"], "output: must be a local folder, got s3://b/x"),
        (["compile", "--output", "gs://b/p.json"], "output: must be a local file, got gs://b/p."),
        (
            ["gallery", "--model", "s3://b/1", "--videos", "v", "--output", "o"],
            "model: must be a local folder, got s3://b/1",
        ),
        (["run"], "no manifest yet; give --videos once"),
    ],
)
def test_wrong_input_is_one_line_at_once(words, message, tmp_path):
    done = run(*words, cwd=tmp_path, options=("-X", "importtime"))
    assert done.returncode == 1
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in done.stderr
    assert not loaded(done.stderr)
    assert not list(tmp_path.iterdir())


def test_folder_without_usable_videos_is_an_error_at_once(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.mp4").write_text(f"no video {name}")
    words = ("run", "--videos", folder, "--output", tmp_path / "out")
    done = run(*words, cwd=tmp_path, options=("-X", "importtime"))
    assert done.returncode == 1
    assert not loaded(done.stderr) & {"tensorflow", "keras", "tfx"}
    assert "mixtures need at least 2 usable source videos" in done.stderr
    assert "; a.mp4: is text, not a media file" in done.stderr
    assert not (tmp_path / "out" / "metadata.db").exists()


@pytest.mark.parametrize(
    "words", [(), ("run",), ("demo",), ("tables",), ("gallery",), ("compile",)]
)
def test_help_answers_at_once(words, tmp_path):
    done = run(*words, "--help", cwd=tmp_path, options=("-X", "importtime"))
    assert done.returncode == 0
    assert "Usage: python -m pipeline" in done.stdout
    assert not loaded(done.stderr)
