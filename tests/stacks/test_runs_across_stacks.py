"""An output that moves to the other stack, and back: nothing comes from the other's cache."""

import re
import shutil
from pathlib import Path

import pytest
from small_runs import BUCKET, SMALL_RUN, VERTEX

from data_prep import storage
from pipeline.run_summary import RunSummary

pytestmark = pytest.mark.slow

# Another untrained model is to be pushed after the first one.
SETTINGS = {**SMALL_RUN, "evaluation.worse_by": 9, "evaluation.control_worse_by": 1}
CLOUD = {**BUCKET, **VERTEX}


def overrides(settings):
    return [word for pair in settings.items() for word in ("--set", "{}={}".format(*pair))]


@pytest.fixture(scope="module")
def summaries(stacks, data_sets, tmp_path_factory):
    """Summaries of runs with one output: on the old stack, the new one, and the old one again."""
    output = tmp_path_factory.mktemp("run") / "out"
    old, new = stacks
    found = []
    for stack in (old, new, old):
        videos = data_sets[0] / "sample" / "videos"
        words = ("-m", "pipeline", "run", "--config", "demo", "--videos", videos)
        stack.run(*words, "--output", output, *overrides(SETTINGS))
        found.append(RunSummary.read(str(output / "summary.json")))
    return found


def test_nothing_is_served_from_the_cache_of_the_other_stack(summaries):
    first, upgraded, _ = summaries
    assert first.cached == upgraded.cached == ()
    assert first.artifacts.model != upgraded.artifacts.model


def test_a_stack_still_finds_its_results_in_the_metadata_that_the_other_wrote_to(summaries):
    first, _, back = summaries
    assert {"MixtureGen", "RecordSchema", "StatisticsGen", "Trainer"} <= set(back.cached)
    assert back.artifacts.model == first.artifacts.model


def test_records_of_a_run_are_equal(summaries):
    first, upgraded, _ = (
        {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*tfrecord*"))}
        for folder in (Path(summary.artifacts.mixtures) for summary in summaries)
    )
    assert len(first) >= 2
    assert first == upgraded


def test_the_model_of_the_other_stack_is_the_baseline(summaries):
    first, upgraded, _ = summaries
    assert first.pushed
    assert storage.name(upgraded.baseline) == storage.name(first.pushed)
    assert upgraded.pushed, upgraded.reasons


def test_compiled_pipelines_of_both_run_and_share_no_cache(stacks, data_sets, tmp_path):
    bucket, output = tmp_path / "bucket", tmp_path / "out"
    shutil.copytree(data_sets[0] / "sample" / "videos", bucket / "videos")
    for stack in stacks:
        job = tmp_path / f"{stack.tfx}.json"
        words = ("-m", "pipeline", "compile", "--target", "vertex", "--output", job)
        stack.run(*words, *overrides(SETTINGS | CLOUD))
        place = ("--place", f"gs://bucket={bucket}")
        done = stack.run("-m", "pipeline", "run-compiled", job, "--output", output, *place)
        ended = re.findall(r"^    (\w+): (cached|[\d.]+ s)$", done.stderr, re.MULTILINE)
        assert {"MixtureGen", "Trainer", "Pusher", "Report"} <= {name for name, _ in ended}
        assert [name for name, how in ended if how == "cached"] == []
    assert len(list(bucket.glob("layered/serving/*/*"))) == 2
