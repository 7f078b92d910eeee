"""The whole pipeline on rendered videos: TFX's own runner, its metadata, a server, a client."""

import io
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from data_prep.generate import generate
from data_prep.media.clip import read_clip
from data_prep.mixing.mix_videos import mix_videos
from data_prep.sources import examination, kinetics
from models.measures import CONTROL_ACCURACY, IDENTITY_LOSS, LOSS, RELATIVE_LOSS
from pipeline.config import load_config
from pipeline.places import Places
from pipeline.retention.pruning import removals_here, remove_here
from pipeline.retention.retention_config import RetentionConfig
from pipeline.run_summary import RunSummary
from pipeline.runners import local

pytestmark = pytest.mark.slow

SETTINGS = (
    "train.steps=4",
    "train.checkpoint_every=4",
    "train.image_every=4",
    "data.train_mixtures=8",
    "data.eval_mixtures=6",
    "data.shares={transparency: 0.5, occlusion: 0.5}",
    "model.system=c3_internal",
    "analyses.control_shift.shifts=[0, 0.25]",
    # An untrained model is to be pushed here.
    "evaluation.relative_loss=9",
    "evaluation.control_accuracy=0",
)
STAGES = {
    "MixtureGen",
    "RecordSchema",
    "StatisticsGen",
    "ExampleValidator",
    "DataGate",
    "Trainer",
    "Evaluator",
    "Pusher",
    "ControlShift",
    "Report",
}


def executions(places):
    """(stage, state) of every execution in ML Metadata, read with SQLite alone."""
    query = """
        select Context.name, Execution.last_known_state from Execution
        join Association on Association.execution_id = Execution.id
        join Context on Context.id = Association.context_id
        join Type on Type.id = Context.type_id where Type.name = 'node'
    """
    states = {3: "complete", 5: "cached"}
    with sqlite3.connect(places.metadata) as database:
        rows = database.execute(query).fetchall()
    return Counter((name.split(".", 1)[1], states.get(state, state)) for name, state in rows)


def serving(places):
    return places.serving("controlled-separator")


@pytest.fixture(scope="module")
def runs(sample_videos, tmp_path_factory):
    """The summaries of a first run, the same again, and one that asks for too much."""
    # TFX, Beam and TensorFlow take such names for patterns.
    places = Places(tmp_path_factory.mktemp("run") / "run [v1] 50% #2")
    summaries, counts = [], []
    for settings in (SETTINGS, SETTINGS, (*SETTINGS, "evaluation.relative_loss=0.01")):
        config = load_config("demo", settings)
        local.index(str(sample_videos), (), places, config)
        summaries.append(local.run(config, places))
        counts.append(executions(places))
    return places, summaries, counts


def test_first_run_executes_every_stage_and_pushes(runs):
    places, (first, _, _), (counts, _, _) = runs
    assert {name for name, _ in counts} == STAGES
    assert all(counts[name, "complete"] == 1 for name in STAGES)
    assert first.blessed
    [version] = serving(places).iterdir()
    assert first.pushed == str(version)
    assert (version / "saved_model.pb").is_file()
    assert first.seconds.keys() == STAGES
    assert first.pipeline.startswith("controlled-separator-")


def test_summary_holds_the_metrics_of_every_mixture_type(runs):
    places, (first, _, third), _ = runs
    assert list(first.metrics) == ["transparency", "occlusion"]
    for metrics in first.metrics.values():
        assert metrics.examples == 3
        loss, identity = metrics.of(LOSS), metrics.of(IDENTITY_LOSS)
        assert 0.1 < identity.value < 0.8
        assert metrics.of(RELATIVE_LOSS).value == pytest.approx(loss.value / identity.value)
        assert 0 <= metrics.of(CONTROL_ACCURACY).value <= 1
        assert loss.half_width >= 0
    assert RunSummary.read(str(places.summary)) == third


def test_control_without_a_shift_is_what_the_evaluator_found(runs):
    _, (first, *_), _ = runs
    for name, metrics in first.metrics.items():
        at_0, shifted = first.analyses["control_shift"].mixture_types[name].shifts
        assert (at_0.seconds, at_0.mixtures, shifted.seconds) == (0, 3, 0.25)
        expected = metrics.of(CONTROL_ACCURACY)
        assert at_0.control_accuracy.value == pytest.approx(expected.value)
        assert at_0.control_accuracy.half_width == pytest.approx(expected.half_width)


def test_second_run_is_served_from_the_cache(runs):
    places, (first, second, _), (before, after, _) = runs
    assert set(second.cached) == STAGES
    assert second.pushed == first.pushed
    assert second.metrics == first.metrics
    assert second.analyses == first.analyses
    new = after - before
    assert all(state == "cached" for name, state in new)
    assert len(list(places.manifests.glob("span-*"))) == 1


def test_unblessed_model_is_not_pushed_and_the_reason_is_reported(runs):
    places, (*_, third), _ = runs
    assert not third.blessed
    assert third.pushed is None
    assert len(list(serving(places).iterdir())) == 1
    assert [line.split(":")[0] for line in third.reasons] == ["occlusion", "transparency"]
    rule = f"{RELATIVE_LOSS.title} must be at most 0.01, got "
    assert all(rule in line for line in third.reasons)


def test_every_run_has_its_report(runs):
    _, (first, second, third), _ = runs
    assert second.artifacts.report == first.artifacts.report
    for summary, verdict in ((first, "Blessed"), (third, "Not blessed")):
        page = Path(summary.artifacts.report).read_text(encoding="utf-8")
        assert f">{verdict}</h1>" in page
        # All three held-out mixtures of each type are shown: input, outputs, truths.
        assert page.count("<article") == 6
        assert page.count("<video") == 6 * 5 + 3
        for path in (summary.artifacts.mixtures, summary.artifacts.model):
            assert path in page
        for part in ("metrics", "slices", "training", "data", "gallery", "lineage"):
            assert f'id="{part}"' in page
    assert first.pushed in Path(first.artifacts.report).read_text(encoding="utf-8")


def test_video_goes_through_the_server_and_back(runs, sample_videos, tmp_path):
    places, _, _ = runs
    videos = sorted(map(str, sample_videos.rglob("*.mp4")))
    mix_videos(videos[0], videos[-1], str(tmp_path / "mixture.mp4"), size=96)
    serve = [sys.executable, "-m", "serving", "serve", "--model", str(serving(places))]
    with subprocess.Popen([*serve, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().rsplit(" at ", 1)[1].strip()
            words = ["separate", str(tmp_path / "mixture.mp4"), "--server", address]
            words += ["--window", "middle", "--cue", videos[-1], "--output", str(tmp_path / "out")]
            subprocess.run([sys.executable, "-m", "serving", *words], check=True)
        finally:
            process.terminate()
    clip = load_config("demo").data.clip
    for name in ("input", "output_1", "output_2"):
        frames = read_clip(tmp_path / "out" / f"{name}.mp4", clip, start=0.0).frames
        assert frames.std() > 5, f"{name}.mp4 shows nothing"
    assert (tmp_path / "out" / "side_by_side.png").is_file()


def test_records_of_the_pipeline_are_the_commands(runs, sample_videos, tmp_path):
    _, (first, *_), _ = runs
    found, _ = examination.examine_all(kinetics.find_videos(str(sample_videos)))
    generate(found, str(tmp_path / "out"), load_config("demo", SETTINGS).data)
    for split in ("train", "eval"):
        one, other = (
            {path.name: path.read_bytes() for path in folder.iterdir()}
            for folder in (
                tmp_path / "out" / split,
                Path(first.artifacts.mixtures, f"Split-{split}"),
            )
        )
        assert one == other
        assert one


@pytest.fixture(scope="module")
def after_deletions(runs):
    """Summaries and printed lines of reruns after outputs were deleted or moved, by what was done.

    The fixture changes the output of `runs`, so the tests of its state come first.
    """
    places, _, _ = runs
    found = {}

    def rerun(name):
        lines = io.StringIO()
        with redirect_stderr(lines):
            summary = local.run(load_config("demo", SETTINGS), places)
        for path in (summary.pushed, *summary.artifacts.model_dump().values()):
            assert Path(path).is_relative_to(places.output)
            assert Path(path).exists()
        found[name] = summary, lines.getvalue().splitlines()

    shutil.rmtree(places.output / "serving")
    rerun("no serving")
    moved = places.output.with_name("moved *")
    places.output.rename(moved)
    places = Places(moved)
    rerun("moved")
    shutil.rmtree(Path(found["moved"][0].artifacts.model).parent.parent)
    rerun("no models")
    return found


def test_pushes_again_what_was_deleted(runs, after_deletions):
    _, (first, *_), _ = runs
    summary, lines = after_deletions["no serving"]
    assert set(summary.cached) == STAGES - {"Pusher", "Report"}
    [line] = [line for line in lines if "deleted since the last run" in line]
    assert first.pushed in line
    assert line.endswith("; a deleted model cannot be the baseline")


def test_a_moved_output_is_served_from_the_cache(after_deletions):
    summary, lines = after_deletions["moved"]
    assert set(summary.cached) == STAGES
    assert not [line for line in lines if "deleted" in line]


def test_a_deleted_model_is_trained_again(after_deletions):
    summary, lines = after_deletions["no models"]
    assert {"MixtureGen", "StatisticsGen"} <= set(summary.cached)
    assert not {"Trainer", "Evaluator", "Pusher"} & set(summary.cached)
    assert summary.blessed
    [line] = [line for line in lines if "deleted since the last run" in line]
    assert "/Trainer/model/" in line
    assert line.endswith("; regenerated where needed")


def test_pruning_keeps_what_the_newest_run_needs(runs, after_deletions):
    places, _, _ = runs
    places = Places(places.output.with_name("moved *"))
    keep = RetentionConfig(runs=1, models=1)
    found = removals_here(places, keep)
    assert any("/Evaluator/" in removal.folder for removal in found)
    assert sum(removal.size for removal in found) > 1000
    remove_here(found, places)
    assert removals_here(places, keep) == []
    lines = io.StringIO()
    with redirect_stderr(lines):
        summary = local.run(load_config("demo", SETTINGS), places)
    assert set(summary.cached) == STAGES
    assert "deleted since" not in lines.getvalue()
