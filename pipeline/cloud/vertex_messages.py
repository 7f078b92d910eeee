"""Messages of Vertex AI's API: what is sent for a compiled pipeline, and what comes back."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.cloud.api_errors import shortened
from pipeline.cloud.cloud_platform import Documents
from pipeline.cloud.cron import Cron
from pipeline.cloud.run_status import (
    CloudState,
    RunStatus,
    ScheduleStatus,
    StageStatus,
    ordered_stages,
)
from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1 import PipelineJob, Schedule

_CONSOLE = "https://console.cloud.google.com/vertex-ai"
_NAME = re.compile(r"projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/\w+/(?P<id>[^/]+)")

_STATES = {
    "PENDING": CloudState.PENDING,
    "RUNNING": CloudState.RUNNING,
    "SUCCEEDED": CloudState.SUCCEEDED,
    "FAILED": CloudState.FAILED,
    "CANCEL_PENDING": CloudState.CANCELING,
    "CANCELLING": CloudState.CANCELING,
    "CANCELLED": CloudState.CANCELED,
    "SKIPPED": CloudState.SKIPPED,
    "NOT_TRIGGERED": CloudState.SKIPPED,
    "PIPELINE_STATE_QUEUED": CloudState.PENDING,
    "PIPELINE_STATE_PENDING": CloudState.PENDING,
    "PIPELINE_STATE_RUNNING": CloudState.RUNNING,
    "PIPELINE_STATE_SUCCEEDED": CloudState.SUCCEEDED,
    "PIPELINE_STATE_FAILED": CloudState.FAILED,
    "PIPELINE_STATE_CANCELLING": CloudState.CANCELING,
    "PIPELINE_STATE_CANCELLED": CloudState.CANCELED,
    "PIPELINE_STATE_PAUSED": CloudState.PAUSED,
}
"""State of a job or task, by Vertex AI's name -> ours."""


def pipeline_job(config: PipelineConfig, documents: Documents) -> "PipelineJob":
    """Return the job that runs a compiled pipeline.

    Args:
        config: the settings: account, network, labels and key.
        documents: the compiled pipeline, one document.
    """
    from google.cloud.aiplatform_v1 import PipelineJob

    [compiled] = documents
    vertex = config.cloud.vertex
    values: dict[str, Any] = {
        **compiled,
        "displayName": config.name,
        "labels": {**compiled.get("labels", {}), **config.cloud.labels},
        "serviceAccount": vertex.service_account,
        "network": vertex.network,
    }
    if vertex.encryption_key:
        values["encryptionSpec"] = {"kmsKeyName": vertex.encryption_key}
    return _message(PipelineJob, values)


def scheduled(name: str, cron: Cron, parent: str, job: "PipelineJob") -> "Schedule":
    """Return a schedule that runs a job, one run at a time; a run that is due then is skipped."""
    from google.cloud.aiplatform_v1 import CreatePipelineJobRequest, Schedule

    return Schedule(
        display_name=name,
        cron=f"CRON_TZ={cron.timezone} {cron.line}",
        create_pipeline_job_request=CreatePipelineJobRequest(parent=parent, pipeline_job=job),
        max_concurrent_run_count=1,
        max_concurrent_active_run_count=1,
    )


def run_status(job: "PipelineJob", *, stages: bool = False) -> RunStatus:
    """Return the state of a job, and of its stages if they are asked for."""
    parts = _NAME.fullmatch(job.name)
    url = ""
    if parts:
        url = (
            f"{_CONSOLE}/locations/{parts['region']}/pipelines/runs/{parts['id']}"
            f"?project={parts['project']}"
        )
    return RunStatus(
        id=job.name,
        name=job.display_name,
        state=_STATES.get(job.state.name, CloudState.UNKNOWN),
        url=url,
        created=job.create_time,
        ended=job.end_time,
        message=_reason(job.error),
        stages=_stages(job) if stages else (),
    )


def schedule_status(schedule: "Schedule") -> ScheduleStatus:
    """Return the state of a schedule."""
    parts = _NAME.fullmatch(schedule.name)
    url = ""
    if parts:
        url = (
            f"{_CONSOLE}/pipelines/locations/{parts['region']}/schedules/{parts['id']}"
            f"?project={parts['project']}"
        )
    return ScheduleStatus(
        id=schedule.name,
        name=schedule.display_name,
        cron=schedule.cron,
        active=schedule.state == type(schedule).State.ACTIVE,
        url=url,
        next_run=schedule.next_run_time,
    )


def is_open(schedule: "Schedule") -> bool:
    """Say whether a schedule can start runs, now or after it is resumed."""
    return schedule.state != type(schedule).State.COMPLETED


def _stages(job: "PipelineJob") -> tuple[StageStatus, ...]:
    root = job.pipeline_spec.get("root", {}) if job.pipeline_spec else {}
    tasks = {
        name: {"dependentTasks": list(task.get("dependentTasks", ()))}
        for name, task in root.get("dag", {}).get("tasks", {}).items()
    }
    # The root of the graph is listed too; its failure is the run's.
    found = [_stage(task) for task in job.job_detail.task_details if task.parent_task_id]
    return ordered_stages(tasks, found)


def _stage(task: Any) -> StageStatus:
    return StageStatus(
        name=task.task_name,
        state=_STATES.get(task.state.name, CloudState.UNKNOWN),
        started=task.start_time,
        ended=task.end_time,
        message=_reason(task.error),
    )


def _reason(error: Any) -> str:
    return shortened(error.message) if error and error.message else ""


def _message(cls: Any, values: Mapping[str, Any]) -> Any:
    """Return a message of Google's library; a key that it doesn't have is an error."""
    from google.protobuf import json_format

    message = cls()
    json_format.ParseDict(dict(values), cls.pb(message))
    return message
