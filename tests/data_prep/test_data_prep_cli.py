"""The command line, in this process: its exit codes, its one-line errors, what it writes."""

import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image

from data_prep.__main__ import main
from data_prep.config import DataConfig, load
from data_prep.errors import UserError
from data_prep.progress_bar import watching

SETTINGS = """
clip: {frames: 4, fps: 8, height: 16, width: 24, short_side: 32, sample_rate: 8000}
eval_fraction: 0.3
"""


@pytest.fixture
def run(capsys):
    """Runs a command line; gives its exit code, output and error output."""

    def run_main(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        return (ended.value.code, *capsys.readouterr())

    return run_main


@pytest.fixture(scope="module")
def made(video_folder, tmp_path_factory):
    """A data set made by way of a manifest."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "config.yaml").write_text(SETTINGS)
    for args in (
        ["index", "--videos", video_folder, "--output", folder / "manifest.csv"],
        [
            *("generate", "--manifest", folder / "manifest.csv", "--output", folder / "data"),
            *("--config", folder / "config.yaml", "--train-mixtures", 3, "--eval-mixtures", 2),
        ],
    ):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        assert ended.value.code == 0
    return folder


def imported(*args):
    """Runs a command; gives the modules that it imports."""
    command = [sys.executable, "-X", "importtime", "-m", "data_prep", *map(str, args)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.rsplit("|", 1)[1].strip() for line in result.stderr.splitlines()}


@pytest.mark.parametrize("verb", ["sample", "index", "generate", "inspect", "mix"])
def test_help_answers_without_loading_tensorflow_or_beam(verb):
    modules = imported(verb, "--help")
    assert "click" in modules
    assert not {"tensorflow", "apache_beam", "numpy"} & modules


def test_videos_are_mixed_without_loading_tensorflow_or_beam(video_folder, tmp_path):
    pair = sorted(video_folder.rglob("*.mp4"))[:2]
    modules = imported("mix", *pair, "--output", tmp_path / "mixed.mp4", "--size", 48)
    assert "av" in modules
    assert not {"tensorflow", "apache_beam"} & modules


def test_bar_ends_full_though_what_was_counted_is_gone(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with watching("shards", 3, lambda: 0):
        pass
    assert "3/3" in capsys.readouterr().err


def test_index_and_generate(made):
    assert (made / "rejected.csv").read_text() == "path,reason\n"
    assert (made / "data/COMPLETED").exists()


def test_generate_from_a_folder_gives_the_same_records(made, video_folder, run, tmp_path):
    code, out, _ = run(
        *("generate", "--videos", video_folder, "--output", tmp_path / "data"),
        *("--config", made / "config.yaml", "--train-mixtures", 3, "--eval-mixtures", 2),
    )
    assert code == 0
    assert "train" in out
    name = "train/mixtures-00000-of-00001.tfrecord"
    assert (tmp_path / "data" / name).read_bytes() == (made / "data" / name).read_bytes()


def test_inspect_makes_sheets_and_videos(made, run, tmp_path):
    code, out, _ = run("inspect", made / "data", "--output", tmp_path, "--count", 2)
    assert code == 0
    names = {f"{split}-{i:08d}" for split in ("train", "eval") for i in range(2)}
    assert {path.stem for path in tmp_path.iterdir()} == names
    assert len(out.split()) == 8
    sheet = np.asarray(Image.open(tmp_path / "train-00000001.png"))
    assert sheet.shape[0] > 4 * 16
    assert sheet.std() > 10
    with av.open(str(tmp_path / "train-00000001.mp4")) as video:
        assert len(list(video.decode(video=0))) == 4
        assert len(video.streams.audio) == 1


def test_inspect_of_one_file_without_its_settings(made, run, tmp_path):
    lone = tmp_path / "lone" / "deep" / "records.tfrecord"
    lone.parent.mkdir(parents=True)
    lone.write_bytes((made / "data/eval/mixtures-00000-of-00001.tfrecord").read_bytes())
    code, _, err = run("inspect", lone, "--output", tmp_path / "out")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: {lone}: no settings.json or info.json with them")
    args = ("--config", made / "config.yaml", "--count", 1)
    assert run("inspect", lone, "--output", tmp_path / "out", *args)[0] == 0
    lone.write_bytes(lone.read_bytes()[:-100])
    code, _, err = run("inspect", lone, "--output", tmp_path / "out", *args[:2])
    assert (code, err) == (1, f"error: {lone}: not a whole file of TFRecords\n")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["generate", "--videos", "no", "--output", "o"], 1, "no: a folder of videos is needed"),
        (["generate", "--videos", ".", "--output", "o"], 1, "holds no video file"),
        (["generate", "--manifest", "no.csv", "--output", "o"], 1, "no.csv: a manifest must be"),
        (["generate", "--output", "o"], 2, "either --videos or --manifest is needed"),
        (["generate", "--manifest", "m", "--output", "o", "--seed", "x"], 2, "'x' is not a valid"),
        (
            ["generate", "--manifest", "m", "--output", "o", "--config", "no"],
            1,
            "no: settings must",
        ),
        (
            ["generate", "--manifest", "m", "--output", "o", "--seed", 2**32],
            1,
            "received 4294967296",
        ),
        (
            ["sample", "--output", "o", "--seed", 2**32],
            1,
            "from 0 to 4294967295: received 4294967296",
        ),
        (["index", "--videos", "no", "--output", "m.csv"], 1, "no: a folder of videos is needed"),
        (["inspect", "no", "--output", "o"], 1, "no: a file or folder of TFRecords is needed"),
        (["colour"], 2, "No such command 'colour'"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(run, tmp_path, monkeypatch, args, code, message):
    monkeypatch.chdir(tmp_path)
    got, out, err = run(*args)
    assert got == code
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: red", "bad.yaml: colour: unknown key"),
        ("clip: {frames: many}", "bad.yaml: clip.frames: Input should be a valid integer"),
        ("occlusion_share: 2", "less than or equal to 1, received 2"),
        ("clip: {short_side: 16}", "bad.yaml: clip: short_side must be at least height and width"),
        ("- 1", "bad.yaml: settings must be keys and values, received [1]"),
        ("a: [", "bad.yaml: settings must be a readable YAML file"),
    ],
)
def test_wrong_settings_name_key_rule_and_value(run, tmp_path, text, message):
    (tmp_path / "bad.yaml").write_text(text)
    args = ("--manifest", "m", "--output", tmp_path / "o", "--config", tmp_path / "bad.yaml")
    code, _, err = run("generate", *args)
    assert code == 1
    assert err.count("\n") == 1
    assert message in err


def test_every_wrong_key_is_named():
    with pytest.raises(UserError) as caught:
        load(DataConfig, {"seed": -1, "colour": "red"}, "settings")
    assert str(caught.value) == (
        "settings: seed: Input should be greater than or equal to 0, received -1; "
        "colour: unknown key"
    )


def test_mistyped_option_is_not_taken_for_one_of_beam(run, made, tmp_path):
    args = ("--manifest", made / "manifest.csv", "--output", tmp_path / "o")
    code, _, err = run("generate", *args, "--train-mixture", 3)
    assert (code, err.count("\n")) == (1, 1)
    assert "--train-mixture" in err
