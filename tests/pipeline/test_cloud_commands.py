"""The commands as processes against stand-ins for the platforms' APIs."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from api_stand_in import ApiStandIn, Fault
from cloud_settings import COMMON, VERTEX, compiled_for_vertex, vertex_config
from google.cloud import aiplatform_v1 as v1
from kubeflow_stand_in import KubeflowStandIn
from vertex_stand_in import PARENT, VertexStandIn

from pipeline.cloud.platforms import PLATFORMS
from pipeline.cloud.stage_names import stage_names

pytestmark = pytest.mark.slow


@pytest.fixture
def vertex():
    with VertexStandIn() as server:
        yield server
    assert server.violations == []


@pytest.fixture
def kubeflow():
    with KubeflowStandIn() as server:
        yield server
    assert server.violations == []


@pytest.fixture
def command(tmp_path):
    """Give the function that runs a command against a server, as a process."""

    def run(api: ApiStandIn, words: str, *, code: int = 0, settings: tuple[str, ...] = ()) -> str:
        target, own = _target(api)
        overrides = [word for setting in (*own, *settings) for word in ("--set", setting)]
        line = [*shlex.split(words), "--target", target, *overrides]
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *line],
            capture_output=True,
            text=True,
            check=False,
            # The home folder may hold credentials, or the context of Kubeflow's library.
            env={**os.environ, "HOME": str(tmp_path)},
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / ".config/kfp").exists()
        if code:
            assert done.stdout == ""
            assert done.stderr.startswith("error: ")
            assert done.stderr.count("\n") == 1
            return done.stderr
        assert done.stderr == ""
        return done.stdout

    return run


def _target(api: ApiStandIn) -> tuple[str, tuple[str, ...]]:
    if isinstance(api, VertexStandIn):
        return "vertex", (*VERTEX, f"cloud.vertex.endpoint={api.url}")
    return "kubeflow", (*COMMON, f"cloud.kubeflow.endpoint={api.url}")


def test_a_run_on_vertex_ai_is_submitted_watched_and_canceled(command, vertex):
    [run, url] = command(vertex, "submit").split()
    [job] = vertex.jobs.values()
    assert run == job.name
    assert url.startswith("https://console.cloud.google.com/vertex-ai/locations/us-central1/")
    tasks = job.pipeline_spec["root"]["dag"]["tasks"]
    assert set(tasks) == set(stage_names()) - {"ActionRecognition", "ControlShift"}
    shown = command(vertex, f"status {run}")
    assert run in shown
    assert shown.index("Index") < shown.index("MixtureGen") < shown.index("Trainer")
    [listed] = json.loads(command(vertex, "status --json"))
    assert (listed["id"], listed["state"]) == (run, "pending")
    assert command(vertex, f"cancel {run}") == f"{run}: canceling\n"
    assert command(vertex, f"cancel {run}") == f"{run}: already canceling\n"
    assert vertex.count("POST", ":cancel") == 1
    job.state = v1.PipelineState.PIPELINE_STATE_SUCCEEDED
    error = command(vertex, f"cancel {run}", code=1)
    assert "must be unfinished to be canceled, got a run that has succeeded" in error


def test_a_run_on_kubeflow_is_submitted_watched_and_canceled(command, kubeflow):
    [run, url] = command(kubeflow, "submit").split()
    [sent] = kubeflow.runs.values()
    assert (run, url) == (sent["run_id"], f"{kubeflow.url}/#/runs/details/{run}")
    shown = json.loads(command(kubeflow, f"status {run} --json"))
    names = [stage["name"] for stage in shown["stages"]]
    assert names.index("Index") < names.index("MixtureGen") < names.index("Trainer")
    assert run in command(kubeflow, "status")
    assert command(kubeflow, f"cancel {run}") == f"{run}: canceling\n"
    assert command(kubeflow, f"cancel {run}") == f"{run}: already canceling\n"
    sent["state"] = "FAILED"
    assert "got a run that has failed" in command(kubeflow, f"cancel {run}", code=1)


def test_the_same_schedule_twice_is_one(command, vertex):
    for line in ("0 3 * * *", "30 4 * * *"):
        command(vertex, f"schedule --cron '{line}' --timezone Asia/Tokyo --name nightly")
    [schedule] = json.loads(command(vertex, "schedule --list --json"))
    assert (schedule["name"], schedule["active"]) == ("nightly", True)
    assert schedule["cron"] == "CRON_TZ=Asia/Tokyo 30 4 * * *"
    assert "nightly" in command(vertex, "schedule --list")
    assert command(vertex, "schedule --delete --name nightly") == "nightly: deleted\n"
    error = command(vertex, "schedule --delete --name nightly", code=1)
    assert error == "error: schedule: must exist to be deleted, got 'nightly'\n"


def test_the_stage_that_failed_says_why(command, vertex):
    config = vertex_config(f"cloud.vertex.endpoint={vertex.url}")
    PLATFORMS["vertex"].submit(config, compiled_for_vertex())
    [job] = vertex.jobs.values()
    job.state = v1.PipelineState.PIPELINE_STATE_FAILED
    job.job_detail.task_details = [
        v1.PipelineTaskDetail(
            task_id=2,
            parent_task_id=1,
            task_name="MixtureGen",
            state=v1.PipelineTaskDetail.State.FAILED,
            error={"code": 9, "message": "[bold]no videos[/] \x1b[31m in gs://my-bucket"},
        )
    ]
    shown = command(vertex, f"status {job.name}")
    assert "MixtureGen: [bold]no videos[/]" in shown
    assert "no videos[/] \\x1b[31m in gs://my-bucket" in shown


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        ("submit", ("cloud.root=my-bucket/x",), "cloud.root: must be a URI"),
        ("submit", ("cloud.image=image:latest",), "cloud.image: must be an image"),
        ("submit", ("cloud.stages={Train: {}}",), "cloud.stages: must be among"),
        ("schedule --cron '99 * * * *'", (), "cron: minute: must be 0 to 59, got '99'"),
        ("schedule --cron '* * * * *'", ("cloud.image=",), "cloud.image: Input should be"),
        ("status --", ("cloud.vertex.project=''",), "cloud.vertex.project: must be"),
    ],
)
def test_nothing_is_sent_of_what_is_wrong(command, vertex, words, settings, message):
    words = words.removesuffix(" --")
    assert message in command(vertex, words, code=1, settings=settings)
    assert vertex.requests == []


@pytest.mark.parametrize(
    ("platform", "fault", "message"),
    [
        ("vertex", Fault("GET", 403), "permission denied (403): made to fail"),
        ("vertex", Fault("GET"), "must be reachable, got: "),
        ("kubeflow", Fault("GET", 401), "credentials are missing or expired (401): made to fail"),
        ("kubeflow", Fault("GET", 500), "the service failed (500): made to fail"),
    ],
    ids=["403", "closed", "401", "500"],
)
def test_errors_of_the_api_are_one_line(command, platform, request, fault, message):
    api = request.getfixturevalue(platform)
    api.faults += [fault] * 20
    assert message in command(api, "status some-run", code=1)


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_a_run_that_does_not_exist_is_one_line(command, platform, request):
    api = request.getfixturevalue(platform)
    assert "not found (404)" in command(api, "status no-such-run", code=1)
    assert "not found (404)" in command(api, "cancel no-such-run", code=1)
    assert api.count("POST") == 0


def test_a_run_of_another_project_needs_its_whole_name(command, vertex):
    name = f"{PARENT.replace('my-project', 'other')}/pipelineJobs/run"
    assert "not found (404)" in command(vertex, f"status {name}", code=1)
    assert vertex.requests == [("GET", f"/v1/{name}")]
