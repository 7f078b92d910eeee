"""Files compiled for Vertex AI and for Kubeflow, as they are, run on this machine."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from small_runs import BUCKET, SMALL_RUN, VERTEX

from data_prep.sample.write import write_sample

pytestmark = pytest.mark.slow

SETTINGS = {**SMALL_RUN, **BUCKET}
TARGETS = {
    "vertex": VERTEX,
    "kubeflow": {
        "cloud.kubeflow.endpoint": "http://localhost:8888",
        "analyses.control_shift.shifts": "[0]",
    },
}
STAGES = {
    "Index",
    "RecordSchema",
    "MixtureGen",
    "StatisticsGen",
    "ExampleValidator",
    "DataGate",
    "Trainer",
    "Evaluator",
    "Pusher",
    "Report",
}


def pipeline(*words):
    command = [sys.executable, "-m", "pipeline", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def compiled(target, file, **more):
    settings = {**SETTINGS, **TARGETS[target], **more}
    overrides = [word for pair in settings.items() for word in ("--set", "{}={}".format(*pair))]
    pipeline("compile", "--target", target, "--output", file, *overrides)
    return file


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("cloud.dataflow", "{max_workers: 2}", "--runner=DataflowRunner"),
        ("cloud.vertex.training", "{spot: true}", "TrainingJobExecutor"),
    ],
)
def test_what_would_start_machines_is_refused(setting, value, word, tmp_path):
    job = compiled("vertex", tmp_path / "job.json", **{setting: value})
    words = ["run-compiled", str(job), "--output", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"{word}: must run on this machine; compile with {setting}=null" in line
    assert not (tmp_path / "out").exists()


class Bucket:
    """A folder that stands for the bucket, and the runs in it."""

    def __init__(self, folder):
        self.folder = folder / "bucket"
        self.output = folder / "out"

    def run(self, file):
        """Run a file; give the run's id, the stages that were cached, and those that ran."""
        place = f"gs://bucket={self.folder}"
        done = pipeline("run-compiled", file, "--output", self.output, "--place", place)
        ended = re.findall(r"^    (\w+): (cached|[\d.]+ s)$", done.stderr, re.MULTILINE)
        cached = {name for name, how in ended if how == "cached"}
        return done.stdout.split()[0], cached, {name for name, _ in ended} - cached

    def metadata(self, run_id, stage, output):
        record = json.loads((self.output / "runs" / run_id / stage / "task.json").read_text())
        return record["outputs"]["artifacts"][output]["metadata"]

    def names(self, pattern):
        return sorted(path.name for path in self.folder.glob(f"layered/{pattern}"))


@pytest.fixture(scope="module")
def runs(sample_videos, tmp_path_factory):
    """A bucket, a first run for Vertex AI, the same again, and one for Kubeflow with new videos."""
    folder = tmp_path_factory.mktemp("compiled")
    bucket = Bucket(folder)
    shutil.copytree(sample_videos, bucket.folder / "videos")
    job = compiled("vertex", folder / "job.json")
    first = bucket.run(job)
    served = bucket.names("serving/*/*")
    again = bucket.run(job)
    spans = bucket.names("manifests/span-*")
    write_sample(str(folder / "more"), clips=8, classes=2, seed=4)
    shutil.copytree(folder / "more" / "videos", bucket.folder / "videos", dirs_exist_ok=True)
    other = bucket.run(compiled("kubeflow", folder / "pipeline.yaml"))
    return bucket, first, again, other, served, spans


def test_first_run_executes_every_stage_and_pushes(runs):
    bucket, (run_id, cached, ran), _, _, served, _ = runs
    assert (cached, ran) == (set(), STAGES)
    assert len(served) == 1
    assert bucket.metadata(run_id, "Evaluator", "blessing")["blessed"] == 1
    assert bucket.metadata(run_id, "Pusher", "pushed_model")["pushed"] == 1
    assert bucket.metadata(run_id, "Report", "report")["ending"] == "pushed"
    assert bucket.names(f"artifacts/{run_id}/Report/report/report.html")


def test_second_run_only_looks_for_new_videos(runs):
    _, _, (_, cached, ran), _, _, spans = runs
    assert (cached, ran) == (STAGES - {"Index"}, {"Index"})
    assert spans == ["span-1"]


def test_new_videos_are_trained_on_and_the_served_model_is_the_baseline(runs):
    bucket, _, _, (run_id, cached, ran), [version], _ = runs
    # The files for both platforms hold the same stages, so they share a cache.
    assert cached == {"RecordSchema"}
    assert ran == {*STAGES, "ControlShift"} - cached
    assert bucket.names("manifests/span-*") == ["span-1", "span-2"]
    blessing = bucket.metadata(run_id, "Evaluator", "blessing")
    assert blessing["baseline_model"].endswith(f"/{version}")
    pushed = bucket.metadata(run_id, "Pusher", "pushed_model")["pushed"]
    assert pushed == blessing["blessed"]
    assert len(bucket.names("serving/*/*")) == 1 + pushed


def test_nothing_is_written_beside_the_places(runs):
    bucket, *_ = runs
    assert not [path for path in bucket.output.rglob("working_folder/**/*") if path.is_file()]
    assert {path.name for path in bucket.folder.iterdir()} == {"videos", "layered"}
