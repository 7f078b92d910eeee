"""Wrong input on the command line: one line, an exit code other than 0, nothing left behind."""

import shutil
import subprocess
import sys

import pytest

from data_prep import storage
from data_prep.errors import UserError
from data_prep.records.info import DatasetInfo, SplitInfo
from data_prep.splits import SPLITS
from pipeline.config import load_config
from pipeline.mixtures import require_mixtures

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
        (["tables", "--set", "model.initial=pushed"], "model.initial: must be empty in a study"),
        (
            ["run", "--set", "mixtures=/nope"],
            "mixtures: must be a folder that MixtureGen wrote, got",
        ),
        (["run", "--set", "a..b=1"], "--set: must be key=value, got 'a..b=1'"),
        (["run", "--output", ""], "--output: must be a path or a URI, got ''"),
        (["run", "--output", "/proc/x"], "/proc/x: "),
        (["compile", "--output", "/proc/x.json"], "/proc/x.json: "),
        (
            ["gallery", "--model", "none", "--videos", "v", "--output", "o"],
            "none: must be a readable folder",
        ),
        (["run", "--videos", "missing"], "videos folder not found: missing"),
        (["run", "--output", "s3://b/x"], "--output: must be on this machine, got s3://b/x"),
        (["tables", "--output", "s3://b/x"], "--output: must be on this machine, got s3://b/x"),
        (["compile", "--output", "gs://b/p.json"], "--output: must be on this machine, got gs://b"),
        (
            ["gallery", "--model", "s3://b/1", "--videos", "v", "--output", "o"],
            "--model: must be on this machine, got s3://b/1",
        ),
        (["run"], "no manifest yet; give --videos once"),
    ],
)
def test_wrong_input_is_one_line_at_once(words, message, tmp_path):
    done = run(*words, cwd=tmp_path, options=("-X", "importtime"))
    assert done.returncode in (1, 2)
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


def test_output_has_one_run_at_a_time(tmp_path, sample_videos):
    output = tmp_path / "two [1]"
    with storage.lease(str(output)):
        done = run("run", "--videos", sample_videos, "--output", output, cwd=tmp_path)
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert line.startswith(f"error: {output}: must have one writer at a time, got a second")
        assert not list(output.glob("[!.]*"))
    assert not output.exists()


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("metadata.db", "metadata.db: must be a database of SQLite, got another file"),
        ("artifacts", "artifacts: must be a folder, got a file"),
    ],
)
def test_output_with_other_files_is_refused_before_videos_are_opened(there, message, tmp_path):
    (tmp_path / there).write_text("something else")
    done = run("run", "--videos", "missing", "--output", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: {tmp_path}/{message}"
    assert [path.name for path in tmp_path.iterdir()] == [there]


@pytest.fixture
def mixtures(tmp_path):
    """A folder like that of MixtureGen's examples."""
    clip = load_config("demo").data
    split = SplitInfo(mixtures=1, mixture_types={}, with_audio=1, videos=1, sources=1, labels=[])
    splits = dict.fromkeys(SPLITS, split)
    for name in splits:
        storage.write_text(str(tmp_path / "m [1]" / f"Split-{name}" / "a.tfrecord"), "")
    info = DatasetInfo(splits=splits, settings=clip, features={})
    info.write(str(tmp_path / "m [1]" / "info.json"))
    return tmp_path / "m [1]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "info.json: no such file or folder"),
        (lambda folder: shutil.rmtree(folder / "Split-eval"), "without records in"),
        (lambda folder: (folder / "info.json").write_text("{"), "info.json: must be JSON"),
    ],
)
def test_mixtures_of_another_run_are_checked(mixtures, change, message):
    data = load_config("demo").data
    require_mixtures(str(mixtures), data)
    change(mixtures)
    with pytest.raises(UserError, match=message) as caught:
        require_mixtures(str(mixtures), data)
    assert str(caught.value).startswith(
        f"mixtures: must be a folder that MixtureGen wrote, got {mixtures}"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [("data.clip.fps=4", "fps 4.0, got 8.0"), ("data.margin=4", "margin 4, got 0")],
)
def test_mixtures_of_another_shape_are_an_error(mixtures, setting, message):
    data = load_config("demo", [setting]).data
    with pytest.raises(UserError, match=f"mixtures: must have clips with {message}"):
        require_mixtures(str(mixtures), data)
