"""Run a training job in another process: `training_job_probe.py JOB`."""

import sys

from components.training.job_api import JobApi
from components.training.job_config import TrainingJob
from components.training.job_run import JobRun
from components.training.job_spec import job_spec

NAME, COMMAND = "layered-video-training-0123456789abcdef", ("python", "-m", "train")


def run(job: TrainingJob, *, patience: float = 20, **more) -> None:
    JobRun(
        JobApi(job, patience=patience),
        job,
        NAME,
        lambda gpu_type: job_spec(job, NAME, gpu_type, COMMAND),
        **more,
    ).run()


if __name__ == "__main__":
    run(TrainingJob.model_validate_json(sys.argv[1]))
