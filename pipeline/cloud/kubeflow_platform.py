"""Kubeflow Pipelines."""

import re
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from data_prep.errors import UserError
from pipeline.cloud import cron as cron_lines
from pipeline.cloud.api_errors import ApiError, retrying
from pipeline.cloud.checks import check_for_kubeflow, check_kubeflow_connection
from pipeline.cloud.cloud_platform import CloudPlatform, Documents
from pipeline.cloud.cron import Cron
from pipeline.cloud.kubeflow_client import KubeflowClient, named
from pipeline.cloud.kubeflow_messages import (
    new_recurring_run,
    new_run,
    run_status,
    schedule_status,
)
from pipeline.cloud.run_status import RunStatus, ScheduleStatus
from pipeline.config import PipelineConfig

_RUN = re.compile(r"[A-Za-z0-9][-A-Za-z0-9]{0,127}")
_MOST_SCHEDULES = 1000


class KubeflowPlatform(CloudPlatform):
    """Kubeflow Pipelines v2 on a Kubernetes cluster."""

    name = "kubeflow"
    title = "Kubeflow Pipelines"
    suffix = ".yaml"

    def check(self, config: PipelineConfig) -> None:
        """See the base class."""
        check_for_kubeflow(config)

    def compile(self, config: PipelineConfig) -> Documents:
        """See the base class."""
        from pipeline.cloud.kubeflow_compilation import compile_for_kubeflow  # loads Beam

        return compile_for_kubeflow(config)

    def check_connection(self, config: PipelineConfig) -> None:
        """See the base class."""
        check_kubeflow_connection(config.cloud)

    def check_schedule(self, cron: Cron) -> None:
        """Refuse time zones: one setting of the installation holds for all of its schedules."""
        if cron.timezone != cron_lines.UTC:
            raise UserError(
                "timezone: must be UTC for Kubeflow Pipelines, whose installation has one time "
                f"zone for all schedules (CRON_SCHEDULE_TIMEZONE), got {cron.timezone!r}"
            )

    def submit(self, config: PipelineConfig, documents: Documents) -> RunStatus:
        """See the base class."""
        client = KubeflowClient(config.cloud.kubeflow)
        experiment = self._experiment(client, config)
        name = f"{config.name}-{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(2)}"
        body = new_run(config, documents, name, experiment)

        @retrying
        def create() -> Any:
            try:
                return client.change(client.api.runs.run_service_create_run, body)
            except ApiError as error:
                if not error.may_have_arrived:
                    raise
                return _found(client, name, experiment, error)

        return run_status(create(), client)

    def schedule(
        self, config: PipelineConfig, documents: Documents, name: str, cron: Cron
    ) -> ScheduleStatus:
        """See the base class.

        The API cannot change a recurring run. So the new one is created before the old one is
        deleted: an error in between leaves one too many, which the next call deletes.
        """
        client = KubeflowClient(config.cloud.kubeflow)
        experiment = self._experiment(client, config)
        old = self._named(client, name)
        body = new_recurring_run(config, documents, name, cron, experiment)
        service = client.api.recurring_runs
        new = client.change(service.recurring_run_service_create_recurring_run, body)
        for other in old:
            self._delete(client, other)
        return schedule_status(new, client)

    def schedules(self, config: PipelineConfig) -> list[ScheduleStatus]:
        """See the base class."""
        client = KubeflowClient(config.cloud.kubeflow)
        found = self._recurring_runs(client)
        return sorted(
            (schedule_status(run, client) for run in found), key=lambda schedule: schedule.name
        )

    def delete_schedule(self, config: PipelineConfig, name: str) -> bool:
        """See the base class."""
        client = KubeflowClient(config.cloud.kubeflow)
        found = self._named(client, name)
        for recurring_run in found:
            self._delete(client, recurring_run)
        return bool(found)

    def run(self, config: PipelineConfig, run: str) -> RunStatus:
        """See the base class."""
        client = KubeflowClient(config.cloud.kubeflow)
        found = client.ask(client.api.runs.run_service_get_run, _checked(run))
        return run_status(found, client, stages=True)

    def runs(self, config: PipelineConfig, count: int) -> list[RunStatus]:
        """See the base class."""
        client = KubeflowClient(config.cloud.kubeflow)
        experiment = self._find_experiment(client, config)
        if experiment is None:
            return []
        found = client.ask_for_list(
            client.api.runs.run_service_list_runs,
            "runs",
            count,
            experiment_id=experiment.experiment_id,
            sort_by="created_at desc",
        )
        return [run_status(run, client) for run in found]

    def cancel(self, config: PipelineConfig, run: str) -> None:
        """See the base class."""
        client = KubeflowClient(config.cloud.kubeflow)
        client.ask(client.api.runs.run_service_terminate_run, _checked(run))

    def _experiment(self, client: KubeflowClient, config: PipelineConfig) -> str:
        """Return the ID of the runs' experiment, which is created if there is none."""
        found = self._find_experiment(client, config)
        if found is None:
            body = client.api.api_models.V2beta1Experiment(
                display_name=config.cloud.kubeflow.experiment, **client.scope
            )
            service = client.api.experiments
            try:
                found = client.change(service.experiment_service_create_experiment, body)
            except ApiError as error:
                if error.code != HTTPStatus.CONFLICT:
                    raise
                found = self._find_experiment(client, config)  # another command was faster
                if found is None:
                    raise
        return str(found.experiment_id)

    def _find_experiment(self, client: KubeflowClient, config: PipelineConfig) -> Any:
        name = config.cloud.kubeflow.experiment
        found = client.ask(
            client.api.experiments.experiment_service_list_experiments,
            filter=named(name),
            **client.scope,
        )
        return next(iter(found.experiments or []), None)

    def _recurring_runs(self, client: KubeflowClient, **arguments: str) -> list[Any]:
        service = client.api.recurring_runs
        return client.ask_for_list(
            service.recurring_run_service_list_recurring_runs,
            "recurring_runs",
            _MOST_SCHEDULES,
            **arguments,
            **client.scope,
        )

    def _named(self, client: KubeflowClient, name: str) -> list[Any]:
        found = self._recurring_runs(client, filter=named(name))
        return [recurring_run for recurring_run in found if recurring_run.display_name == name]

    def _delete(self, client: KubeflowClient, recurring_run: Any) -> None:
        service = client.api.recurring_runs
        client.change(
            service.recurring_run_service_delete_recurring_run, recurring_run.recurring_run_id
        )


def _checked(run: str) -> str:
    if not _RUN.fullmatch(run):
        raise UserError(f"run: must be a run's ID, got {run!r}")
    return run


def _found(client: KubeflowClient, name: str, experiment: str, error: ApiError) -> Any:
    """Return a run that an attempt has created although it failed; its name is unique."""
    service = client.api.runs
    try:
        answer = client.change(
            service.run_service_list_runs, experiment_id=experiment, filter=named(name)
        )
    except ApiError:
        raise error from None
    if not answer.runs:
        raise error
    return answer.runs[0]
