"""What is kept of runs of compiled pipelines, as JSON."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from data_prep.results import Results
from data_prep.settings import Settings


class StoredArtifact(Settings):
    """An artifact.

    Attributes:
        name: its name among the artifacts of all runs.
        uri: where its content is.
        type: `schemaTitle` or `instanceSchema` -> its text.
        metadata: its properties.
    """

    name: str
    uri: str
    type: dict[str, str]
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class TaskOutputs(Settings):
    """Outputs of a task, by their keys."""

    artifacts: dict[str, StoredArtifact] = Field(default_factory=dict)
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class TaskState(StrEnum):
    """How a task ended."""

    SUCCEEDED = "succeeded"
    CACHED = "cached"
    FAILED = "failed"
    NOT_RUN = "not run"

    @property
    def is_success(self) -> bool:
        """Whether the outputs can be read."""
        return self in (TaskState.SUCCEEDED, TaskState.CACHED)


class TaskRecord(Results):
    """End of a task in a run.

    Attributes:
        state: how it ended.
        outputs: its outputs, if it succeeded.
        seconds: how long it took, with all attempts.
        reason: why it did not succeed.
        log: file of what its last attempt printed, if it failed.
    """

    state: TaskState
    outputs: TaskOutputs = TaskOutputs()
    seconds: float = 0.0
    reason: str = ""
    log: str = ""


class RunRecord(Results):
    """A run of a compiled pipeline.

    Attributes:
        run_id: its name, unique among the runs.
        digest: `CompiledPipeline.digest` of what it runs.
        started: when it began.
        ended: whether no task is left to be run.
    """

    run_id: str
    digest: str
    started: datetime
    ended: bool = False


class CacheEntry(Results):
    """Outputs that an equal task may reuse.

    Attributes:
        run_id: the run that made them.
        outputs: the outputs.
        present: places on this machine that existed when they were made.
    """

    run_id: str
    outputs: TaskOutputs
    present: tuple[str, ...] = ()
