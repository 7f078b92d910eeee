"""The command line, in this process: exit codes, one-line errors, and the files it writes."""

import shutil
import subprocess
import sys

import pytest

from data_prep import storage
from data_prep.commands import main
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.progress_bar import watching
from data_prep.sources import examination

SETTINGS = """
clip: {frames: 4, fps: 8, height: 16, width: 24, short_side: 32, sample_rate: 8000}
eval_fraction: 0.3
"""


@pytest.fixture
def run(capsys):
    """Give a function that runs a command line and returns its exit code, output and errors."""

    def run_main(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        return (ended.value.code, *capsys.readouterr())

    return run_main


@pytest.fixture(scope="module")
def made(video_folder, tmp_path_factory):
    """A data set made with a manifest."""
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
    """Run a command and return the modules that it imports."""
    command = [sys.executable, "-X", "importtime", "-m", "data_prep", *map(str, args)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip() for line in lines}


@pytest.mark.parametrize("verb", ["sample", "index", "generate", "validate", "inspect", "mix"])
def test_help_answers_without_loading_tensorflow_or_beam(verb):
    modules = imported(verb, "--help")
    assert "click" in modules
    assert not {"tensorflow", "apache_beam", "skimage", "scipy", "s3fs"} & modules


def test_videos_are_mixed_without_loading_tensorflow_or_beam(video_folder, tmp_path):
    pair = sorted(video_folder.rglob("*.mp4"))[:2]
    modules = imported("mix", *pair, "--output", tmp_path / "mixed.mp4", "--size", 48)
    assert "av" in modules
    assert not {"tensorflow", "apache_beam"} & modules


def test_a_data_set_is_validated_without_loading_tensorflow_or_beam(made):
    modules = imported("validate", made / "data")
    assert "PIL" in modules
    assert not {"tensorflow", "apache_beam"} & modules


def test_files_that_have_not_changed_are_indexed_without_loading_beam(made, video_folder):
    modules = imported("index", "--videos", video_folder, "--output", made / "manifest.csv")
    assert "av" in modules
    assert not {"tensorflow", "apache_beam"} & modules


def test_the_bar_ends_full_although_the_counted_files_are_gone(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with watching("shards", 3, lambda: 0):
        pass
    assert "3/3" in capsys.readouterr().err


def test_index_and_generate(made):
    assert (made / "rejected.csv").read_text() == "path,reason\n"
    assert (made / "data/COMPLETED").exists()


def test_manifests_in_one_folder_have_separate_lists_of_rejected_files(video_folder, run, tmp_path):
    for name in ("train", "val"):
        (tmp_path / name).mkdir()
        for number, clip in enumerate(sorted(video_folder.rglob("*.mp4"))[:2]):
            (tmp_path / name / f"{number}.mp4").write_bytes(clip.read_bytes())
        (tmp_path / name / f"{name}.txt").write_text("x")
        args = ("index", "--videos", tmp_path / name, "--output", tmp_path / f"{name}.csv")
        assert run(*args)[0] == 0
    for name in ("train", "val"):
        rejected = (tmp_path / f"{name}.rejected.csv").read_text()
        assert rejected.splitlines()[1:] == [
            f"{tmp_path}/{name}/{name}.txt,.txt: not a video file name"
        ]


def test_index_replaces_manifests_and_nothing_else(run, video_folder, tmp_path):
    output = tmp_path / "manifest.csv"
    older = "path,id,digest\n"
    output.write_text(older)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/a.mp4").write_text("no video")
    assert run("index", "--videos", tmp_path / "empty", "--output", output)[0] == 1
    assert output.read_text() == older
    assert not (tmp_path / "rejected.csv").exists()
    (tmp_path / "rejected.csv").write_text("my notes")
    code, _, err = run("index", "--videos", video_folder, "--output", output)
    assert (code, "rejected.csv: must be a new file" in err) == (1, True)
    assert (tmp_path / "rejected.csv").read_text() == "my notes"
    (tmp_path / "rejected.csv").unlink()
    assert run("index", "--videos", video_folder, "--output", output)[0] == 0
    assert output.read_text().startswith("path,id,source")


def test_generate_from_a_folder_gives_the_same_records(made, video_folder, run, tmp_path):
    output = tmp_path / "run [v1]" / "d[bold]x[" / "nope]"
    code, out, _ = run(
        *("generate", "--videos", video_folder, "--output", output),
        *("--config", made / "config.yaml", "--train-mixtures", 3, "--eval-mixtures", 2),
    )
    assert code == 0
    assert f"Mixtures in {output}".replace(" ", "") in "".join(out.split())
    name = "train/mixtures-00000-of-00001.tfrecord"
    assert (output / name).read_bytes() == (made / "data" / name).read_bytes()


def test_an_output_is_held_while_videos_are_examined(video_folder, run, tmp_path, monkeypatch):
    def build(*_, **__):
        with storage.lease(str(tmp_path / "data")):
            pass

    monkeypatch.setattr(examination, "examine_all", build)
    code, _, err = run("generate", "--videos", video_folder, "--output", tmp_path / "data")
    assert code == 1
    assert "data: must have one writer at a time" in err
    assert not (tmp_path / "data").exists()


def test_inspect_writes_sheets_and_videos(made, run, tmp_path):
    code, out, _ = run("inspect", made / "data", "--output", tmp_path, "--count", 2)
    assert code == 0
    assert sorted(out.split()) == sorted(map(str, tmp_path.iterdir()))
    assert len(out.split()) == 8
    lone = tmp_path / "lone" / "deep" / "records.tfrecord"
    lone.parent.mkdir(parents=True)
    lone.write_bytes((made / "data/eval/mixtures-00000-of-00001.tfrecord").read_bytes())
    assert run("inspect", lone, "--output", tmp_path / "out")[0] == 1
    args = ("--config", made / "config.yaml", "--count", 1)
    assert run("inspect", lone, "--output", tmp_path / "out", *args)[0] == 0


def test_mix_writes_a_video_of_any_type(video_folder, run, tmp_path):
    pair = sorted(video_folder.rglob("*.mp4"))[:2]
    for name in MIXTURE_TYPES:
        args = ("--type", name, "--size", 48, "--seconds", 0.5)
        code, out, _ = run("mix", *pair, "--output", tmp_path / f"{name}.mp4", *args)
        assert (code, out.split()[0]) == (0, "0.48")
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == len(MIXTURE_TYPES)


def test_everything_works_in_a_remote_store(made, video_folder, run, memory):
    storage.copy_tree(str(video_folder), f"{memory}/videos")
    manifest = f"{memory}/index/manifest.csv"
    assert run("index", "--videos", f"{memory}/videos", "--output", manifest)[0] == 0
    assert storage.read_text(f"{memory}/index/rejected.csv") == "path,reason\n"
    command = ("generate", "--manifest", manifest, "--output", f"{memory}/data")
    command += ("--config", made / "config.yaml", "--train-mixtures", 3, "--eval-mixtures", 2)
    assert run(*command)[0] == 0
    for split in ("train", "eval"):
        name = f"{split}/mixtures-00000-of-00001.tfrecord"
        data = storage.read_bytes(f"{memory}/data/{name}")
        assert data == (made / "data" / name).read_bytes()


def test_an_interrupted_run_is_reported(made, run, tmp_path):
    """All that a run leaves which was killed between its two files of records."""
    data = tmp_path / "data"
    shutil.copytree(made / "data", data)
    for name in ("COMPLETED", "info.json", "rejected.csv"):
        (data / name).unlink()
    for path in (*data.glob("train/*"), *data.glob("progress/reports/train-*")):
        path.unlink()
    code, _, err = run(
        *("generate", "--manifest", made / "manifest.csv", "--output", data),
        *("--config", made / "config.yaml", "--train-mixtures", 3, "--eval-mixtures", 2),
    )
    assert (code, err) == (0, "resuming: 1 of 2 shards are finished\n")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["generate", "--videos", "no", "--output", "o"], 1, "videos folder not found: no"),
        (["generate", "--videos", ".", "--output", "o"], 1, "must hold videos, got no video file"),
        (["generate", "--manifest", "no.csv", "--output", "o"], 1, "no.csv: a manifest must be"),
        (["generate", "--output", "o"], 2, "either --videos or --manifest is needed"),
        (["generate", "--manifest", "m", "--output", "o", "--seed", "x"], 2, "got x"),
        (
            ["generate", "--manifest", "m", "--output", "o", "--config", "no"],
            1,
            "no: must be a readable YAML file: no such file",
        ),
        (
            ["generate", "--manifest", "m", "--output", "o", "--seed", 2**32],
            2,
            "got 4294967296",
        ),
        (
            ["sample", "--output", "o", "--seed", 2**32],
            2,
            "--seed: must be a whole number from 0 to 4294967295, got 4294967296",
        ),
        (["index", "--videos", "no", "--output", "m.csv"], 1, "videos folder not found: no"),
        (["inspect", "no", "--output", "o"], 1, "no: must be a TFRecord file or a folder"),
        (["color"], 2, "No such command 'color'"),
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
        ("shares: {occlusion: 2}", "bad.yaml: shares: occlusion must be from 0 to 1, got 2"),
        ("occlusion_share: 0.5", "bad.yaml: occlusion_share: unknown key"),
        ("clip: {short_side: 16}", "bad.yaml: clip: short_side must be at least height and width"),
        ("- 1", "bad.yaml: must be a mapping of keys to values, got [1]"),
        ("a: [", "bad.yaml: must be a readable YAML file"),
    ],
)
def test_wrong_settings_name_key_rule_and_value(run, tmp_path, text, message):
    (tmp_path / "bad.yaml").write_text(text)
    args = ("--manifest", "m", "--output", tmp_path / "o", "--config", tmp_path / "bad.yaml")
    code, _, err = run("generate", *args)
    assert code == 1
    assert err.count("\n") == 1
    assert message in err


def test_mistyped_option_is_not_taken_for_one_of_beam(run, made, tmp_path):
    args = ("--manifest", made / "manifest.csv", "--output", tmp_path / "o")
    code, _, err = run("generate", *args, "--train-mixture", 3)
    assert (code, err.count("\n")) == (2, 1)
    assert "--train-mixture" in err
