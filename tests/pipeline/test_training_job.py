"""The training job of Vertex AI: its machines, other types of GPU, retries, adoption, its end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from api_stand_in import Fault
from custom_jobs_stand_in import FAILS, RUNS, STOCK_OUT, SUCCEEDS, WAITS, CustomJobsStandIn
from google.cloud import aiplatform_v1 as v1
from training_job_probe import COMMAND, run

from components.training.job_config import TrainingJob, TrainingJobConfig
from data_prep.errors import UserError

PROBE = Path(__file__).with_name("training_job_probe.py")
TYPES = ("NVIDIA_H100_80GB", "NVIDIA_TESLA_A100", "NVIDIA_L4")
MACHINES = {"NVIDIA_H100_80GB": "a3-highgpu-8g", "NVIDIA_L4": "g2-standard-12"}


@pytest.fixture
def server():
    with CustomJobsStandIn() as server:
        yield server
        assert server.violations == []


@pytest.fixture
def job(server):
    """Gives a function that makes the settings of a job on the stand-in."""

    def make(**config):
        given = {"gpu_types": TYPES, "machine_types": MACHINES, "workers": 3, **config}
        return TrainingJob(
            config=TrainingJobConfig(**given),
            project="my-project",
            region="us-central1",
            image="registry.example/layered-video:1.4",
            endpoint=server.url,
            service_account="trainer@my-project.iam.gserviceaccount.com",
            network="projects/123/global/networks/training",
            encryption_key="projects/p/locations/us-central1/keyRings/r/cryptoKeys/k",
            labels={"team": "video"},
            seconds_between_polls=0.02,
        )

    return make


def test_a_job_has_a_chief_and_workers_on_its_machines(server, job):
    run(job(spot=True, gpus=8, timeout_hours=48, disk_gb=300))
    [made] = server.custom_jobs
    spec = made.job_spec
    assert [pool.replica_count for pool in spec.worker_pool_specs] == [1, 2]
    for pool in spec.worker_pool_specs:
        assert pool.machine_spec.machine_type == "a3-highgpu-8g"
        assert pool.machine_spec.accelerator_type.name == "NVIDIA_H100_80GB"
        assert pool.machine_spec.accelerator_count == 8
        assert pool.disk_spec.boot_disk_size_gb == 300
        assert pool.container_spec.image_uri == "registry.example/layered-video:1.4"
        assert tuple(pool.container_spec.command) == COMMAND
    assert spec.scheduling.strategy == v1.Scheduling.Strategy.SPOT
    assert spec.scheduling.timeout.total_seconds() == 48 * 3600
    assert spec.scheduling.restart_job_on_worker_restart
    assert spec.service_account == "trainer@my-project.iam.gserviceaccount.com"
    assert spec.network == "projects/123/global/networks/training"
    assert made.encryption_spec.kms_key_name.endswith("cryptoKeys/k")
    assert made.labels == {"team": "video"}


def test_a_job_of_one_machine_without_gpus(server, job):
    run(job(gpus=0, workers=1, machine_type="n2-standard-16"))
    [made] = server.custom_jobs
    [pool] = made.job_spec.worker_pool_specs
    assert pool.machine_spec.machine_type == "n2-standard-16"
    assert not pool.machine_spec.accelerator_count
    assert made.job_spec.scheduling.strategy == v1.Scheduling.Strategy.STANDARD
    assert not made.job_spec.scheduling.restart_job_on_worker_restart


def test_the_next_type_is_tried_when_there_are_no_machines(server, job):
    server.fates = [STOCK_OUT, WAITS, SUCCEEDS]
    run(job(wait_hours=1 / 3600))
    assert server.gpu_types == list(TYPES)
    assert server.states == ["FAILED", "CANCELLED", "SUCCEEDED"]


def test_the_next_type_is_tried_when_a_quota_is_exhausted(server, job):
    server.faults = [Fault("POST", 429, "The following quota metrics exceed quota limits: ...")]
    run(job())
    assert server.gpu_types == [TYPES[1]]


def test_an_error_says_that_no_type_had_machines(server, job):
    server.fates = [STOCK_OUT]
    with pytest.raises(
        UserError, match=r"must find machines, got none; tried NVIDIA_H100"
    ) as error:
        run(job())
    assert all(name in str(error.value) for name in TYPES)


def test_a_job_that_fails_is_started_again_on_the_same_type(server, job):
    server.fates = [FAILS, FAILS, SUCCEEDS]
    run(job(retries=2))
    assert server.gpu_types == [TYPES[0]] * 3


def test_a_job_that_fails_too_often_is_an_error(server, job):
    server.fates = [FAILS]
    with pytest.raises(
        UserError, match=r"must succeed, got .*/102: The replica workerpool0-0 exit"
    ):
        run(job(retries=2))
    assert server.states == ["FAILED"] * 3


def test_a_job_that_somebody_cancels_is_not_started_again(server, job):
    server.fates = [RUNS]
    server.on_create = lambda made: server._cancel(made)
    with pytest.raises(UserError, match=r"must succeed, got .*/100: JOB_STATE_CANCELLED"):
        run(job())
    assert len(server.custom_jobs) == 1


def test_an_answer_that_gets_lost_makes_no_second_job(server, job):
    server.faults = [Fault("POST", 0, after=True)]
    run(job())
    assert len(server.custom_jobs) == 1


def test_an_api_that_is_overloaded_for_a_while_is_asked_again(server, job):
    server.faults = [Fault("GET", 503), Fault("GET", 0), Fault("GET", 429)]
    run(job())
    assert server.states == ["SUCCEEDED"]


def test_an_api_that_refuses_is_an_error_in_one_line(server, job):
    server.faults = [Fault("POST", 403, "Permission denied on\nresource project my-project")]
    with pytest.raises(UserError, match=r"^Vertex AI at http.*: .*Permission denied on resource"):
        run(job())


@pytest.fixture
def started(server, job):
    """A stage in another process that waits for its job, which runs."""
    server.fates = [RUNS]
    process = subprocess.Popen([sys.executable, str(PROBE), job().model_dump_json()])
    while not server.count("GET", "/customJobs/100"):
        assert process.poll() is None
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def test_a_stage_that_is_told_to_end_cancels_its_job(server, started):
    started.send_signal(signal.SIGTERM)
    assert started.wait(timeout=30) == 128 + signal.SIGTERM
    assert server.count("POST", "/customJobs/100:cancel") == 1


def test_a_stage_that_is_killed_leaves_its_job_to_the_next_attempt(server, job, started):
    started.kill()
    started.wait()
    assert server.states == ["RUNNING"]
    server._set_fate(server.custom_jobs[0], SUCCEEDS)
    run(job())
    assert server.states == ["SUCCEEDED"]


def test_an_adopted_job_without_machines_is_followed_by_the_next_type(server, job):
    server.fates = [WAITS, SUCCEEDS]
    given = job(gpu_types=TYPES[1:], machine_types={})
    first = subprocess.Popen([sys.executable, str(PROBE), given.model_dump_json()])
    while not server.count("GET", "/customJobs/100"):
        time.sleep(0.05)
    first.kill()
    first.wait()
    run(job(wait_hours=1 / 3600))
    assert server.gpu_types == [TYPES[1], TYPES[2]]
    assert server.states == ["CANCELLED", "SUCCEEDED"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_job_that_succeeded_counts_as_long_as_its_outputs_are_there(server, job, is_kept):
    run(job())
    cleared = []
    run(job(), is_kept=lambda: is_kept, clear=lambda: cleared.append(1))
    assert len(server.custom_jobs) == 2 - is_kept
    assert cleared == [1] * (1 - is_kept)
