"""Vertex AI: every request is checked against the API's messages by a stand-in for the API."""

from datetime import UTC, datetime

import pytest
from api_stand_in import Fault
from cloud_settings import compiled_for_vertex, vertex_config
from google.cloud import aiplatform_v1 as v1
from vertex_stand_in import PARENT, VertexStandIn

from data_prep.errors import UserError
from pipeline.cloud.cron import Cron
from pipeline.cloud.platforms import PLATFORMS
from pipeline.cloud.run_status import CloudState
from pipeline.config import PipelineConfig

VERTEX = PLATFORMS["vertex"]
DAILY = Cron("0 3 * * *", "Europe/Berlin")
STATE = v1.PipelineState
TASK = v1.PipelineTaskDetail.State


@pytest.fixture
def api():
    with VertexStandIn() as server:
        yield server
    assert server.violations == []


def config(api: VertexStandIn, *overrides: str) -> PipelineConfig:
    return vertex_config(f"cloud.vertex.endpoint={api.url}", *overrides)


def submitted(api: VertexStandIn):
    run = VERTEX.submit(config(api), compiled_for_vertex())
    return api.jobs[run.id]


def test_a_run_has_all_that_the_settings_say(api):
    key = "projects/my-project/locations/us-central1/keyRings/ring/cryptoKeys/key"
    settings = config(
        api,
        "cloud.vertex.service_account=runner@my-project.iam.gserviceaccount.com",
        "cloud.vertex.network=projects/12345/global/networks/my-net",
        f"cloud.vertex.encryption_key={key}",
        "cloud.labels={team: video}",
    )
    VERTEX.check(settings)
    run = VERTEX.submit(settings, compiled_for_vertex())
    job = api.jobs[run.id]
    assert run.id.startswith(f"{PARENT}/pipelineJobs/controlled-separator-8x48x48-")
    assert job.service_account == "runner@my-project.iam.gserviceaccount.com"
    assert job.network == "projects/12345/global/networks/my-net"
    assert job.encryption_spec.kms_key_name == key
    assert dict(job.labels) == {"tfx_version": "1-16-0", "team": "video"}
    assert job.display_name == settings.name
    assert job.runtime_config.gcs_output_directory == "gs://my-bucket/layered-video/artifacts"
    assert set(job.pipeline_spec["root"]["dag"]["tasks"]) == {"Index", "MixtureGen", "Trainer"}
    name = run.id.rpartition("/")[2]
    console = "https://console.cloud.google.com/vertex-ai/locations/us-central1/pipelines/runs"
    assert run.url == f"{console}/{name}?project=my-project"
    assert run.state is CloudState.PENDING


def test_nothing_but_the_job_is_sent(api):
    submitted(api)
    assert api.requests == [("POST", f"/v1/{PARENT}/pipelineJobs")]
    assert "Authorization" not in api.headers  # the address begins with http://


@pytest.mark.parametrize("fault", [Fault("POST", 503), Fault("POST", 429), Fault("POST")])
def test_a_submission_is_tried_again(api, fault):
    api.faults.append(fault)
    submitted(api)
    assert len(api.jobs) == 1


@pytest.mark.parametrize("status", [0, 503])
def test_a_submission_whose_answer_is_lost_is_not_repeated(api, status):
    api.faults.append(Fault("POST", status, after=True))
    submitted(api)
    assert len(api.jobs) == 1
    assert api.count("POST") == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "the request was refused (400): made to fail"),
        (403, "permission denied (403): made to fail"),
        (404, "not found (404): made to fail"),
        (429, "a quota is exhausted (429): made to fail"),
        (500, "the service failed (500): made to fail"),
    ],
)
def test_errors_are_one_line(api, monkeypatch, status, words):
    api.faults += [Fault("POST", status)] * 9
    with pytest.raises(UserError) as error:
        submitted(api)
    assert str(error.value) == f"Vertex AI at {api.url}: {words}"
    assert api.jobs == {}


def test_an_address_without_encryption_that_wants_credentials_is_one_line(api):
    api.faults += [Fault("POST", 401)]
    with pytest.raises(UserError, match=r"cloud.vertex.endpoint: must need no credentials, or be"):
        submitted(api)


def test_an_answer_that_is_no_json_is_one_line(api):
    api.faults += [Fault("POST", 403, text="<html>\n<b>Forbidden</b>\n</html>")]
    with pytest.raises(UserError, match=r"permission denied \(403\): <html> <b>Forbidden"):
        submitted(api)


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<html>"), (200, "[]"), (404, '{"error": "no such page"}')]
)
def test_another_server_is_one_line(api, status, text):
    api.faults += [Fault("GET", status, text=text)] * 9
    with pytest.raises(UserError, match=r"must be the API of Vertex AI, got an answer of another"):
        VERTEX.run(config(api), "some-run")


def test_a_host_that_is_unknown_is_one_line():
    with pytest.raises(UserError, match=r"must be reachable, got: .*not known"):
        VERTEX.run(vertex_config("cloud.vertex.endpoint=http://host.invalid"), "some-run")


def test_a_server_that_does_not_answer_is_given_up(api, monkeypatch):
    monkeypatch.setattr("pipeline.cloud.vertex_client.WRITE_TIMEOUT", 0.3)
    api.faults += [Fault("POST", 200, seconds=1)]
    with pytest.raises(UserError, match="must answer within 0 s"):
        submitted(api)


def test_a_submission_that_took_too_long_but_arrived_is_found(api, monkeypatch):
    monkeypatch.setattr("pipeline.cloud.vertex_client.WRITE_TIMEOUT", 0.3)
    api.faults += [Fault("POST", 200, seconds=1, after=True)]
    submitted(api)
    assert len(api.jobs) == 1


def test_an_address_without_a_server_is_one_line(api):
    settings = vertex_config("cloud.vertex.endpoint=http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"127.0.0.1:9: must be reachable, got: .*refused"):
        VERTEX.runs(settings, 1)


def test_missing_credentials_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(UserError, match=r"must be valid; run gcloud auth .* login, or set"):
        VERTEX.runs(vertex_config(), 1)


def test_the_state_of_a_run_lists_its_stages(api):
    job = submitted(api)
    job.state = STATE.PIPELINE_STATE_FAILED
    job.error.message = "The DAG failed because some tasks failed: [MixtureGen]."
    job.end_time = datetime(2030, 1, 1, tzinfo=UTC)
    job.job_detail.task_details = [
        v1.PipelineTaskDetail(task_id=1, task_name=job.display_name, state=TASK.FAILED),
        v1.PipelineTaskDetail(
            task_id=3,
            parent_task_id=1,
            task_name="MixtureGen",
            state=TASK.FAILED,
            start_time=datetime(2029, 12, 31, 1, tzinfo=UTC),
            error={"code": 9, "message": "The replica workerpool0-0 exited with\n status 1."},
        ),
        v1.PipelineTaskDetail(
            task_id=2,
            parent_task_id=1,
            task_name="Index",
            state=TASK.SUCCEEDED,
            start_time=datetime(2029, 12, 31, tzinfo=UTC),
            end_time=datetime(2029, 12, 31, 1, tzinfo=UTC),
        ),
    ]
    for name in (job.name, job.name.rpartition("/")[2]):
        run = VERTEX.run(config(api), name)
        assert run.state is CloudState.FAILED
        assert run.message.startswith("The DAG failed")
        assert [(stage.name, stage.state) for stage in run.stages] == [
            ("Index", CloudState.SUCCEEDED),
            ("MixtureGen", CloudState.FAILED),
            ("Trainer", CloudState.PENDING),
        ]
        assert run.stages[1].message == "The replica workerpool0-0 exited with status 1."
        assert (run.stages[0].ended - run.stages[0].started).total_seconds() == 3600


def test_runs_are_those_of_the_pipeline_newest_first(api):
    names = [submitted(api).name for _ in range(3)]
    other = VERTEX.submit(config(api, "model.system=i3d"), compiled_for_vertex())
    assert [run.id for run in VERTEX.runs(config(api), 2)] == [names[2], names[1]]
    assert len(VERTEX.runs(config(api), 10)) == 3
    assert other.id not in names


def test_long_lists_have_pages(api):
    for _ in range(3):
        submitted(api)
    job = next(iter(api.jobs.values()))
    api.jobs |= {f"{job.name}{number}": job for number in range(120)}
    assert len(VERTEX.runs(config(api), 123)) == 123
    assert api.count("GET", "/pipelineJobs") == 2


def test_a_run_is_canceled(api):
    job = submitted(api)
    VERTEX.cancel(config(api), job.name.rpartition("/")[2])
    assert VERTEX.run(config(api), job.name).state is CloudState.CANCELING
    with pytest.raises(UserError, match="not found"):
        VERTEX.cancel(config(api), "no-such-run")
    with pytest.raises(UserError, match="run: must be a pipeline job's ID"):
        VERTEX.cancel(config(api), "../secret")


def test_the_same_schedule_twice_is_one(api):
    first = VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", DAILY)
    later = Cron("0 4 * * *", "UTC")
    again = VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", later)
    assert (first.id, first.cron) == (again.id, "CRON_TZ=Europe/Berlin 0 3 * * *")
    [schedule] = api.schedules.values()
    assert schedule.cron == again.cron == "CRON_TZ=UTC 0 4 * * *"
    assert schedule.max_concurrent_run_count == schedule.max_concurrent_active_run_count == 1
    assert not schedule.allow_queueing


def test_schedules_of_other_names_are_left_alone(api):
    for name in ("nightly", "weekly"):
        VERTEX.schedule(config(api), compiled_for_vertex(), name, DAILY)
    assert [each.name for each in VERTEX.schedules(config(api))] == ["nightly", "weekly"]
    assert VERTEX.delete_schedule(config(api), "nightly")
    assert not VERTEX.delete_schedule(config(api), "nightly")
    assert [each.name for each in VERTEX.schedules(config(api))] == ["weekly"]


def test_a_schedule_takes_new_settings(api):
    VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", DAILY)
    settings = config(api, "cloud.labels={team: audio}")
    VERTEX.schedule(settings, compiled_for_vertex(), "nightly", DAILY)
    [schedule] = api.schedules.values()
    assert schedule.create_pipeline_job_request.pipeline_job.labels["team"] == "audio"


def test_a_paused_schedule_is_resumed_and_a_completed_one_replaced(api):
    VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", DAILY)
    [schedule] = api.schedules.values()
    schedule.state = v1.Schedule.State.PAUSED
    assert VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", DAILY).active
    schedule.state = v1.Schedule.State.COMPLETED
    assert VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", DAILY).active
    assert len(api.schedules) == 2


def test_a_schedule_that_is_refused_changes_nothing(api):
    VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", DAILY)
    api.faults.append(Fault("PATCH", 403))
    with pytest.raises(UserError, match="permission denied"):
        VERTEX.schedule(config(api), compiled_for_vertex(), "nightly", Cron("0 4 * * *"))
    [schedule] = api.schedules.values()
    assert schedule.cron == "CRON_TZ=Europe/Berlin 0 3 * * *"
