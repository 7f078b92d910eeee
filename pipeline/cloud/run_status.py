"""Runs, stages and schedules on a platform, in the same terms for every platform."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any

from data_prep.results import Results


class CloudState(StrEnum):
    """State of a run or of one of its stages."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELING = "canceling"
    CANCELED = "canceled"
    PAUSED = "paused"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def is_canceled(self) -> bool:
        """Whether the run is canceled, or about to be."""
        return self in (CloudState.CANCELING, CloudState.CANCELED)

    @property
    def is_final(self) -> bool:
        """Whether the state cannot change any more."""
        final = (CloudState.SUCCEEDED, CloudState.FAILED, CloudState.CANCELED, CloudState.SKIPPED)
        return self in final


class StageStatus(Results):
    """State of one stage of a run.

    Attributes:
        name: the stage, such as `Trainer`.
        state: its state.
        started: when it started; None if it hasn't.
        ended: when it ended; None if it hasn't.
        message: why it failed, in the platform's words; empty if it hasn't.
    """

    name: str
    state: CloudState
    started: datetime | None = None
    ended: datetime | None = None
    message: str = ""


class RunStatus(Results):
    """State of a run.

    Attributes:
        id: the run's name or ID on the platform, as `status` and `cancel` take it.
        name: its name for people.
        state: its state.
        url: its address in the platform's console.
        created: when it was submitted.
        ended: when it ended; None if it hasn't.
        message: why it failed, in the platform's words; empty if it hasn't.
        stages: its stages in the order in which they run; empty in a list of runs.
    """

    id: str
    name: str
    state: CloudState
    url: str
    created: datetime | None = None
    ended: datetime | None = None
    message: str = ""
    stages: tuple[StageStatus, ...] = ()


class ScheduleStatus(Results):
    """A schedule of runs.

    Attributes:
        id: its name or ID on the platform.
        name: its name for people, by which `schedule` finds it.
        cron: when it starts a run, as the platform has it.
        active: whether it starts runs.
        url: its address in the platform's console.
        next_run: when it starts the next run; None if the platform does not say.
    """

    id: str
    name: str
    cron: str
    active: bool
    url: str
    next_run: datetime | None = None


def ordered_stages(
    tasks: Mapping[str, Mapping[str, Any]], found: Iterable[StageStatus]
) -> tuple[StageStatus, ...]:
    """Return a run's stages in the order in which they run.

    Args:
        tasks: `root.dag.tasks` of the pipeline specification; the stages in them that the platform
            doesn't list yet are pending.
        found: the tasks that the platform lists, its internal ones included. Of those that are no
            stage, only those are returned, last, that say why they failed.
    """
    listed = {status.name: status for status in found}
    names = _order(tasks)
    stages = [listed.pop(name, StageStatus(name=name, state=CloudState.PENDING)) for name in names]
    others = [status for status in listed.values() if status.message]
    started = [stage for stage in stages if stage.started]
    waiting = [stage for stage in stages if not stage.started]
    return (*sorted(started, key=_start), *waiting, *others)


def _order(tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    graph = {name: sorted(task.get("dependentTasks", ())) for name, task in sorted(tasks.items())}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:  # no platform accepts such a pipeline
        return list(tasks)
    return [name for name in order if name in tasks]


def _start(stage: StageStatus) -> datetime:
    return stage.started or datetime.max.replace(tzinfo=UTC)
