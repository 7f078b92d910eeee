"""Wrong input on the command line: one line, exit code not 0, nothing left behind."""

import subprocess
import sys

import pytest


def run(*words, cwd, options=()):
    command = [sys.executable, *options, "-m", "pipeline", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--config", "none"], "unknown config 'none'"),
        (["run", "--set", "data.colour=1"], "data.colour: unknown key"),
        (["run", "--set", "system=c9"], "unknown system 'c9'"),
        (["run", "--videos", "missing"], "there is no such folder"),
        (["run"], "no manifest: give --videos once"),
    ],
)
def test_wrong_input_is_one_line(words, message, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 1
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_folder_without_usable_videos_is_told_at_once(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.mp4").write_text(f"no video {name}")
    words = ("run", "--videos", folder, "--output", tmp_path / "out")
    done = run(*words, cwd=tmp_path, options=("-X", "importtime"))
    assert done.returncode == 1
    assert " tensorflow" not in done.stderr, "it takes long to load"
    assert "mixtures need at least 2 usable source videos" in done.stderr
    assert "; a.mp4: cannot be opened" in done.stderr
    assert not (tmp_path / "out" / "metadata.db").exists()


def test_help_answers_without_loading_tensorflow(tmp_path):
    done = run("run", "--help", cwd=tmp_path, options=("-X", "importtime"))
    assert "--videos" in done.stdout
    assert " tensorflow" not in done.stderr
