"""The stage Trainer with a job, whose containers run TFX's executor and write the outputs."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest
from custom_jobs_stand_in import RUNS, SUCCEEDS, CustomJobsStandIn, Fate
from google.cloud.aiplatform_v1 import JobState
from worker_cluster import environments

from components.training.job_config import TrainingJob, TrainingJobConfig
from components.training.training_settings import TrainingSettings
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.config import ModelConfig, TrainConfig

pytestmark = pytest.mark.slow

MODEL = Path("model", "Format-Serving", "saved_model.pb")
SETTINGS = TrainingSettings(
    model=ModelConfig(),
    train=TrainConfig(),
    clip=ClipConfig(frames=4, fps=8, height=16, width=16, short_side=16, sample_rate=8_000),
)
TRAINER = {
    "train_args": json.dumps({"splits": ["train"]}),
    "eval_args": json.dumps({"splits": ["eval"]}),
    "run_fn": "written_model.run_fn",
}


@pytest.fixture
def server():
    """The API, which runs each job's containers as processes."""
    with CustomJobsStandIn(fates=[RUNS]) as server:
        containers = {}

        def start(job):
            containers[job.name] = []
            pools = job.job_spec.worker_pool_specs
            commands = [
                pool.container_spec.command for pool in pools for _ in range(pool.replica_count)
            ]
            addresses = [f"worker-{number}:2222" for number in range(len(commands))]
            path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
            for command, environment in zip(commands, environments(addresses), strict=True):
                words = [sys.executable, *command[1:]]
                given = {**os.environ, **environment, "PYTHONPATH": path}
                containers[job.name].append(subprocess.Popen(words, env=given))

        def find(name):
            codes = [container.poll() for container in containers[name]]
            [job] = [job for job in server.custom_jobs if job.name == name]
            if None not in codes and job.state == JobState.JOB_STATE_RUNNING:
                server._set_fate(job, Fate(("FAILED" if any(codes) else "SUCCEEDED",)))
            return job

        server.on_create, server._found = start, find
        yield server
        for container in chain(*containers.values()):
            container.kill()
            container.wait()
        assert server.violations == []


@pytest.fixture
def execute(server, tmp_path):
    """Gives a function that runs the stage with output folders of a name, and returns these."""
    from tfx.types import standard_artifacts

    from components.training.job_executor import TrainingJobExecutor

    job = TrainingJob(
        config=TrainingJobConfig(workers=2),
        project="my-project",
        region="us-central1",
        image="registry.example/layered-video:1.4",
        endpoint=server.url,
        seconds_between_polls=0.5,
    )
    custom = SETTINGS.custom_config(checkpoints=str(tmp_path / "checkpoints"), code="1", job=job)

    def execute(name):
        examples = standard_artifacts.Examples()
        examples.uri, examples.split_names = str(tmp_path / "examples"), '["train", "eval"]'
        outputs = {
            "model": [standard_artifacts.Model()],
            "model_run": [standard_artifacts.ModelRun()],
        }
        for output, [artifact] in outputs.items():
            artifact.uri = str(tmp_path / name / output)
        properties = {**TRAINER, "custom_config": json.dumps(custom)}
        TrainingJobExecutor().Do({"examples": [examples]}, outputs, properties)
        return tmp_path / name

    return execute


def assert_complete(stage):
    assert TrainingSettings.model_validate_json((stage / MODEL).read_text()) == SETTINGS
    assert (stage / "model_run" / "events").read_text() == "curves"


def test_runs_that_train_alike_share_a_job_and_its_model(server, execute, tmp_path, monkeypatch):
    monkeypatch.setattr("data_prep.storage.leases._WAIT", 0.5)
    with ThreadPoolExecutor() as pool:
        for stage in pool.map(execute, ["first", "second"]):
            assert_complete(stage)
    [made] = server.custom_jobs
    command = " ".join(made.job_spec.worker_pool_specs[1].container_spec.command)
    assert "my-project" not in command, "a container needs no settings of the job"
    [folder] = (tmp_path / "checkpoints").iterdir()
    assert_complete(folder)
    (folder / MODEL).unlink()
    assert_complete(execute("third"))
    assert len(server.custom_jobs) == 2, "outputs without a model count for nothing"


def test_a_job_that_writes_no_model_is_an_error(server, execute):
    server.fates, server.on_create = [SUCCEEDS], lambda job: None
    del server._found
    with pytest.raises(UserError, match="must write a model and curves, got none in"):
        execute("stage")


def test_a_trainer_with_a_job_is_the_stage_trainer():
    from tfx.types import Channel, standard_artifacts

    from components.training.job_executor import TrainingJobExecutor, TrainingJobTrainer

    stage = TrainingJobTrainer(
        run_fn="components.training.run_fn.run_fn",
        examples=Channel(type=standard_artifacts.Examples),
        custom_config={},
    ).with_id("Trainer")
    assert stage.id == "Trainer"
    assert stage.executor_spec.executor_class is TrainingJobExecutor
