"""Vertex AI Pipelines."""

import re
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from pipeline.cloud.api_errors import ApiError, retrying
from pipeline.cloud.checks import check_for_vertex, check_vertex_connection
from pipeline.cloud.cloud_platform import CloudPlatform, Documents
from pipeline.cloud.cron import Cron
from pipeline.cloud.run_status import RunStatus, ScheduleStatus
from pipeline.cloud.vertex_client import VertexClient
from pipeline.cloud.vertex_messages import (
    is_open,
    pipeline_job,
    run_status,
    schedule_status,
    scheduled,
)
from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1 import Schedule

_RUN = re.compile(r"(?:projects/[^/\s]+/locations/[^/\s]+/pipelineJobs/)?[a-z][-a-z0-9]{0,127}")
_MOST_SCHEDULES = 1000
_CHANGED = ("cron", "create_pipeline_job_request", "max_concurrent_active_run_count")
"""Fields of a schedule that a new schedule of the same name replaces."""


class VertexPlatform(CloudPlatform):
    """Vertex AI Pipelines on Google Cloud."""

    name = "vertex"
    title = "Vertex AI"
    suffix = ".json"

    def check(self, config: PipelineConfig) -> None:
        """See the base class."""
        check_for_vertex(config)

    def compile(self, config: PipelineConfig) -> Documents:
        """See the base class."""
        from pipeline.cloud.vertex_compilation import compile_for_vertex  # loads Beam

        return compile_for_vertex(config)

    def check_connection(self, config: PipelineConfig) -> None:
        """See the base class."""
        check_vertex_connection(config.cloud)

    def check_schedule(self, cron: Cron) -> None:
        """Accept every cron line and time zone."""

    def submit(self, config: PipelineConfig, documents: Documents) -> RunStatus:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        job = pipeline_job(config, documents)
        job_id = f"{config.name}-{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(2)}"

        @retrying
        def create() -> Any:
            try:
                return client.change(
                    client.pipelines.create_pipeline_job,
                    parent=client.parent,
                    pipeline_job=job,
                    pipeline_job_id=job_id,
                )
            except ApiError as error:
                if error.code != HTTPStatus.CONFLICT and not error.may_have_arrived:
                    raise
                return _found(client, job_id, error)

        return run_status(client.required(create()))

    def schedule(
        self, config: PipelineConfig, documents: Documents, name: str, cron: Cron
    ) -> ScheduleStatus:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        wanted = scheduled(name, cron, client.parent, pipeline_job(config, documents))
        found = self._open_schedules(client, name)
        if not found:
            created = client.change(
                client.schedules.create_schedule, parent=client.parent, schedule=wanted
            )
            return schedule_status(client.required(created))
        first, *others = found
        wanted.name = first.name
        changed = client.change(
            client.schedules.update_schedule,
            schedule=wanted,
            update_mask={"paths": list(_CHANGED)},
        )
        if changed.state == type(changed).State.PAUSED:
            client.change(client.schedules.resume_schedule, name=first.name)
            changed = client.ask(client.schedules.get_schedule, name=first.name)
        for other in others:
            self._delete(client, other)
        return schedule_status(changed)

    def schedules(self, config: PipelineConfig) -> list[ScheduleStatus]:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        found = client.ask_for_list(
            client.schedules.list_schedules, _MOST_SCHEDULES, parent=client.parent
        )
        ours = [schedule for schedule in found if schedule.create_pipeline_job_request.parent]
        return sorted(map(schedule_status, ours), key=lambda schedule: schedule.name)

    def delete_schedule(self, config: PipelineConfig, name: str) -> bool:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        found = self._named(client, name)
        for schedule in found:
            self._delete(client, schedule)
        return bool(found)

    def run(self, config: PipelineConfig, run: str) -> RunStatus:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        job = client.ask(client.pipelines.get_pipeline_job, name=_resource(client, run))
        return run_status(client.required(job), stages=True)

    def runs(self, config: PipelineConfig, count: int) -> list[RunStatus]:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        jobs = client.ask_for_list(
            client.pipelines.list_pipeline_jobs,
            count,
            parent=client.parent,
            filter=f'display_name="{config.name}"',
            order_by="create_time desc",
            page_size=min(count, 100),
        )
        return [run_status(job) for job in jobs]

    def cancel(self, config: PipelineConfig, run: str) -> None:
        """See the base class."""
        client = VertexClient(config.cloud.vertex)
        client.ask(client.pipelines.cancel_pipeline_job, name=_resource(client, run))

    def _open_schedules(self, client: VertexClient, name: str) -> list["Schedule"]:
        """Return the schedules of a name that can still start runs."""
        return [schedule for schedule in self._named(client, name) if is_open(schedule)]

    def _named(self, client: VertexClient, name: str) -> list["Schedule"]:
        found = client.ask_for_list(
            client.schedules.list_schedules,
            _MOST_SCHEDULES,
            parent=client.parent,
            filter=f'display_name="{name}"',
            order_by="create_time",
        )
        return [schedule for schedule in found if schedule.display_name == name]

    def _delete(self, client: VertexClient, schedule: "Schedule") -> None:
        client.finish(client.change(client.schedules.delete_schedule, name=schedule.name))


def _resource(client: VertexClient, run: str) -> str:
    """Return the resource name of a run."""
    if not _RUN.fullmatch(run):
        raise UserError(f"run: must be a pipeline job's ID or resource name, got {run!r}")
    return run if "/" in run else f"{client.parent}/pipelineJobs/{run}"


def _found(client: VertexClient, job_id: str, error: ApiError) -> Any:
    """Return a job that an attempt has created although it failed; nobody else uses its ID."""
    try:
        return client.change(
            client.pipelines.get_pipeline_job, name=f"{client.parent}/pipelineJobs/{job_id}"
        )
    except ApiError:
        raise error from None
