"""Kubeflow Pipelines: every request is checked against the API's models by a stand-in for it."""

import json

import pytest
from api_stand_in import Fault
from cloud_settings import compiled_for_kubeflow, kubeflow_config
from kubeflow_stand_in import API, KubeflowStandIn

from data_prep.errors import UserError
from pipeline.cloud import kubeflow_client
from pipeline.cloud.cron import Cron
from pipeline.cloud.platforms import PLATFORMS
from pipeline.cloud.run_status import CloudState
from pipeline.config import PipelineConfig

KUBEFLOW = PLATFORMS["kubeflow"]
DAILY = Cron("0 3 * * *")


@pytest.fixture(autouse=True)
def no_saved_context(monkeypatch, tmp_path):
    """The library reads a file in the home folder, and must not write it."""
    saved = tmp_path / "context.json"
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(saved))
    yield
    assert not saved.exists()


@pytest.fixture
def api():
    with KubeflowStandIn() as server:
        yield server
    assert server.violations == []


def config(api: KubeflowStandIn, *overrides: str) -> PipelineConfig:
    return kubeflow_config(f"cloud.kubeflow.endpoint={api.url}", *overrides)


def submitted(api: KubeflowStandIn, *overrides: str):
    run = KUBEFLOW.submit(config(api, *overrides), compiled_for_kubeflow())
    return api.runs[run.id]


def test_a_run_belongs_to_the_experiment(api, capsys):
    settings = config(api, "cloud.kubeflow.service_account=runner")
    KUBEFLOW.check(settings)
    documents = compiled_for_kubeflow(platform=True)
    run = KUBEFLOW.submit(settings, documents)
    sent = api.runs[run.id]
    [experiment] = api.experiments.values()
    assert experiment["display_name"] == "layered-video"
    assert sent["experiment_id"] == experiment["experiment_id"]
    assert sent["display_name"].startswith(f"{settings.name}-2")
    assert sent["service_account"] == "runner"
    spec, platform = documents
    assert sent["pipeline_spec"] == {"pipeline_spec": spec, "platform_spec": platform}
    assert run.url == f"{api.url}/#/runs/details/{run.id}"
    assert run.state is CloudState.PENDING
    assert capsys.readouterr().out == ""


def test_a_pipeline_without_a_part_for_kubernetes_is_sent_as_it_is(api):
    assert submitted(api)["pipeline_spec"] == compiled_for_kubeflow()[0]


def test_the_experiment_is_created_once(api):
    submitted(api)
    submitted(api)
    assert len(api.experiments) == 1
    assert len(api.runs) == 2


def test_a_namespace_is_that_of_the_experiment_and_of_lists(api):
    api.namespace = "team"
    settings = config(api, "cloud.kubeflow.namespace=team")
    run = KUBEFLOW.submit(settings, compiled_for_kubeflow())
    assert next(iter(api.experiments.values()))["namespace"] == "team"
    KUBEFLOW.schedule(settings, compiled_for_kubeflow(), "nightly", DAILY)
    assert [each.name for each in KUBEFLOW.schedules(settings)] == ["nightly"]
    assert [each.id for each in KUBEFLOW.runs(settings, 5)] == [run.id]


def test_credentials_are_those_of_the_environment(api, monkeypatch, tmp_path):
    api.token = "secret"
    with pytest.raises(UserError, match=r"credentials are missing or expired \(401\)"):
        submitted(api)
    monkeypatch.setenv(kubeflow_client.TOKEN, "secret")
    submitted(api)
    monkeypatch.delenv(kubeflow_client.TOKEN)
    file = tmp_path / "token"
    file.write_text("secret")
    monkeypatch.setenv(kubeflow_client.TOKEN_FILE, str(file))
    submitted(api)
    monkeypatch.setenv(kubeflow_client.TOKEN_FILE, str(tmp_path / "none"))
    with pytest.raises(UserError, match="KF_PIPELINES_SA_TOKEN_PATH: must be a readable file"):
        submitted(api)


def test_cookies_are_sent_and_never_shown(api, monkeypatch):
    monkeypatch.setenv(kubeflow_client.COOKIES, "authservice_session=secret")
    submitted(api)
    assert api.headers["Cookie"] == "authservice_session=secret"
    api.faults += [Fault("GET", 403)]
    with pytest.raises(UserError) as error:
        submitted(api)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("fault", [Fault("POST", 503), Fault("POST", 429), Fault("POST")])
def test_a_submission_is_tried_again(api, fault):
    submitted(api)
    api.faults.append(fault)
    submitted(api)
    assert len(api.runs) == 2


@pytest.mark.parametrize("status", [0, 503])
def test_a_submission_whose_answer_is_lost_is_not_repeated(api, status):
    submitted(api)
    api.faults.append(Fault("POST", status, after=True))
    submitted(api)
    assert len(api.runs) == 2
    assert api.count("POST", "/runs") == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "the request was refused (400): made to fail"),
        (403, "permission denied (403): made to fail"),
        (404, "not found (404): made to fail"),
        (500, "the service failed (500): made to fail"),
    ],
)
def test_errors_are_one_line(api, status, words):
    submitted(api)
    api.faults += [Fault("POST", status)] * 9
    with pytest.raises(UserError) as error:
        submitted(api)
    assert str(error.value) == f"Kubeflow Pipelines at {api.url}: {words}"
    assert len(api.runs) == 1


@pytest.mark.parametrize("text", ["<html>\n<b>Sign in</b>\n</html>", "[]", '{"runs": 1}'])
def test_another_server_is_one_line(api, text):
    api.faults += [Fault("GET", 200, text=text)] * 9
    with pytest.raises(UserError, match=r"must be an API of Kubeflow Pipelines v2"):
        KUBEFLOW.run(config(api), "some-run")


def test_a_server_that_does_not_answer_is_given_up(api, monkeypatch):
    submitted(api)
    monkeypatch.setattr("pipeline.cloud.kubeflow_client.WRITE_TIMEOUT", 0.3)
    api.faults += [Fault("POST", 200, seconds=1)]
    with pytest.raises(UserError, match="must answer within 0 s"):
        submitted(api)
    api.faults += [Fault("POST", 200, seconds=1, after=True)]
    submitted(api)
    assert len(api.runs) == 2


def test_an_address_without_a_server_is_one_line():
    settings = kubeflow_config("cloud.kubeflow.endpoint=http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"127.0.0.1:9: must be reachable, got: .*refused"):
        KUBEFLOW.runs(settings, 1)


def test_a_host_that_is_unknown_is_one_line():
    with pytest.raises(UserError, match=r"must be reachable, got: .*not known"):
        KUBEFLOW.run(kubeflow_config("cloud.kubeflow.endpoint=http://host.invalid"), "some-run")


def test_the_state_of_a_run_lists_its_stages(api):
    run = submitted(api)
    run |= {
        "state": "FAILED",
        "finished_at": "2030-01-01T00:00:00Z",
        "error": {"code": 2, "message": "Run failed"},
        "run_details": {
            "task_details": [
                {"display_name": "root", "state": "FAILED"},
                {"display_name": "Index-driver", "state": "SUCCEEDED"},
                {"display_name": "Trainer-driver", "state": "FAILED", "error": {"message": "OOM"}},
                {
                    "display_name": "Index",
                    "state": "SUCCEEDED",
                    "start_time": "2029-12-31T00:00:00Z",
                    "end_time": "2029-12-31T01:00:00Z",
                },
                {
                    "display_name": "MixtureGen",
                    "state": "FAILED",
                    "start_time": "2029-12-31T01:00:00Z",
                    "end_time": "1970-01-01T00:00:00Z",
                    "state_history": [
                        {"state": "RUNNING"},
                        {"state": "FAILED", "error": {"code": 2, "message": "exit\ncode 1"}},
                    ],
                },
            ]
        },
    }
    status = KUBEFLOW.run(config(api), run["run_id"])
    assert (status.state, status.message) == (CloudState.FAILED, "Run failed")
    assert [(stage.name, stage.state, stage.message) for stage in status.stages] == [
        ("Index", CloudState.SUCCEEDED, ""),
        ("MixtureGen", CloudState.FAILED, "exit code 1"),
        ("Trainer", CloudState.PENDING, ""),
        ("Trainer-driver", CloudState.FAILED, "OOM"),
    ]
    assert status.stages[1].ended is None


def test_runs_are_those_of_the_experiment_newest_first(api):
    assert KUBEFLOW.runs(config(api), 5) == []
    ids = [submitted(api)["run_id"] for _ in range(3)]
    submitted(api, "cloud.kubeflow.experiment=other")
    assert [run.id for run in KUBEFLOW.runs(config(api), 2)] == [ids[2], ids[1]]


def test_long_lists_have_pages(api):
    run = submitted(api)
    api.runs |= {str(number): {**run, "run_id": str(number)} for number in range(120)}
    assert len(KUBEFLOW.runs(config(api), 110)) == 110
    assert api.count("GET", "/runs") == 2


def test_a_run_is_canceled(api):
    run = submitted(api)
    KUBEFLOW.cancel(config(api), run["run_id"])
    assert KUBEFLOW.run(config(api), run["run_id"]).state is CloudState.CANCELING
    with pytest.raises(UserError, match="not found"):
        KUBEFLOW.cancel(config(api), "no-such-run")
    with pytest.raises(UserError, match="run: must be a run's ID"):
        KUBEFLOW.cancel(config(api), "../secret")


def test_the_same_schedule_twice_is_one(api):
    KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", DAILY)
    again = Cron("30 4 * * MON-FRI")
    schedule = KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", again)
    [sent] = api.recurring_runs.values()
    assert sent["trigger"] == {"cron_schedule": {"cron": "0 30 4 * * MON-FRI"}}
    assert (sent["max_concurrency"], sent["no_catchup"]) == ("1", True)
    assert schedule.id == sent["recurring_run_id"]
    assert schedule.active


def test_a_schedule_that_is_refused_changes_nothing(api):
    KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", DAILY)
    before = json.dumps(api.recurring_runs)
    api.faults.append(Fault("POST", 403))
    with pytest.raises(UserError, match="permission denied"):
        KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", Cron("0 4 * * *"))
    assert json.dumps(api.recurring_runs) == before


def test_a_schedule_that_could_not_be_replaced_is_by_the_next_call(api):
    KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", DAILY)
    api.faults.append(Fault("DELETE", 403))
    with pytest.raises(UserError, match="permission denied"):
        KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", DAILY)
    assert len(api.recurring_runs) == 2
    KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), "nightly", DAILY)
    assert len(api.recurring_runs) == 1


def test_schedules_are_deleted_by_name(api):
    for name in ("nightly", "weekly"):
        KUBEFLOW.schedule(config(api), compiled_for_kubeflow(), name, DAILY)
    assert KUBEFLOW.delete_schedule(config(api), "nightly")
    assert not KUBEFLOW.delete_schedule(config(api), "nightly")
    assert [each.name for each in KUBEFLOW.schedules(config(api))] == ["weekly"]


def test_time_zones_are_the_installations():
    with pytest.raises(UserError, match="timezone: must be UTC for Kubeflow Pipelines"):
        KUBEFLOW.check_schedule(Cron("0 3 * * *", "Europe/Berlin"))


def test_all_requests_are_of_version_2(api):
    submitted(api)
    assert all(path.startswith(API) for _, path in api.requests)
