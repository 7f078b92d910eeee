"""Messages of the API of Kubeflow Pipelines: what is sent, and what comes back."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.cloud.api_errors import shortened
from pipeline.cloud.cloud_platform import Documents
from pipeline.cloud.cron import Cron
from pipeline.cloud.kubeflow_client import KubeflowClient
from pipeline.cloud.run_status import (
    CloudState,
    RunStatus,
    ScheduleStatus,
    StageStatus,
    ordered_stages,
)
from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    from kfp_server_api import V2beta1RecurringRun, V2beta1Run

_STATES = {
    "PENDING": CloudState.PENDING,
    "RUNNING": CloudState.RUNNING,
    "SUCCEEDED": CloudState.SUCCEEDED,
    "SKIPPED": CloudState.SKIPPED,
    "FAILED": CloudState.FAILED,
    "CANCELING": CloudState.CANCELING,
    "CANCELED": CloudState.CANCELED,
    "PAUSED": CloudState.PAUSED,
}
"""State of a run or task, by Kubeflow's name -> ours."""
_UNSET_YEAR = 1970
_ACTIVE = "ENABLED"


def new_run(
    config: PipelineConfig, documents: Documents, name: str, experiment: str
) -> "V2beta1Run":
    """Return the run of a compiled pipeline, as it is sent."""
    from kfp_server_api import V2beta1Run

    return V2beta1Run(display_name=name, experiment_id=experiment, **_what_runs(config, documents))


def new_recurring_run(
    config: PipelineConfig, documents: Documents, name: str, cron: Cron, experiment: str
) -> "V2beta1RecurringRun":
    """Return a recurring run, one run at a time; missed runs are not made up for."""
    from kfp_server_api import (
        RecurringRunMode,
        V2beta1CronSchedule,
        V2beta1RecurringRun,
        V2beta1Trigger,
    )

    # Its cron lines begin with the second.
    schedule = V2beta1CronSchedule(cron=f"0 {cron.line}")
    return V2beta1RecurringRun(
        display_name=name,
        experiment_id=experiment,
        trigger=V2beta1Trigger(cron_schedule=schedule),
        mode=RecurringRunMode.ENABLE,
        max_concurrency="1",
        no_catchup=True,
        **_what_runs(config, documents),
    )


def run_status(run: Any, client: KubeflowClient, *, stages: bool = False) -> RunStatus:
    """Return the state of a run, and of its stages if they are asked for."""
    return RunStatus(
        id=client.required(run.run_id),
        name=run.display_name or "",
        state=_STATES.get(run.state or "PENDING", CloudState.UNKNOWN),
        url=client.address(f"runs/details/{run.run_id}"),
        created=run.created_at,
        ended=_time(run.finished_at),
        message=_reason(run),
        stages=_stages(run) if stages else (),
    )


def schedule_status(run: Any, client: KubeflowClient) -> ScheduleStatus:
    """Return the state of a recurring run."""
    schedule = run.trigger and run.trigger.cron_schedule
    return ScheduleStatus(
        id=client.required(run.recurring_run_id),
        name=run.display_name or "",
        cron=(schedule and schedule.cron) or "",
        active=(run.status or _ACTIVE) == _ACTIVE,
        url=client.address(f"recurringrun/details/{run.recurring_run_id}"),
    )


def _what_runs(config: PipelineConfig, documents: Documents) -> dict[str, Any]:
    from kfp_server_api import V2beta1RuntimeConfig

    spec, *platforms = documents
    sent: Mapping[str, Any] = spec
    if platforms:
        sent = {"pipeline_spec": spec, "platform_spec": platforms[0]}
    return {
        "pipeline_spec": sent,
        "runtime_config": V2beta1RuntimeConfig(parameters={}),
        "service_account": config.cloud.kubeflow.service_account or None,
    }


def _stages(run: Any) -> tuple[StageStatus, ...]:
    spec = run.pipeline_spec or {}
    spec = spec.get("pipeline_spec", spec)
    tasks = spec.get("root", {}).get("dag", {}).get("tasks", {})
    details = (run.run_details and run.run_details.task_details) or []
    return ordered_stages(tasks, map(_stage, details))


def _stage(task: Any) -> StageStatus:
    return StageStatus(
        name=task.display_name or task.task_id or "",
        state=_STATES.get(task.state, CloudState.UNKNOWN),
        started=_time(task.start_time),
        ended=_time(task.end_time),
        message=_reason(task),
    )


def _reason(thing: Any) -> str:
    """Return why a run or task failed: its last error, or that of its last state."""
    history = [status.error for status in thing.state_history or [] if status.error]
    errors = [thing.error, *reversed(history)]
    return next((shortened(error.message) for error in errors if error and error.message), "")


def _time(time: datetime | None) -> datetime | None:
    """Return a time; the API has the year 1970 for what has not happened yet."""
    return time if time and time.year > _UNSET_YEAR else None
