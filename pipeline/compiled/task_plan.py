"""Tasks of a compiled pipeline, as they are run here: typed, and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from pipeline.compiled.parameter_types import ParameterType
from pipeline.compiled.task_body import TaskBody


class OutputOf(NamedTuple):
    """An output of another task."""

    task: str
    key: str


class Constant(NamedTuple):
    """A value that the compiled pipeline holds."""

    value: JsonValue


@dataclass(frozen=True)
class ParameterInput:
    """A parameter that a task reads."""

    type: ParameterType
    source: Constant | OutputOf


@dataclass(frozen=True)
class ArtifactOutput:
    """An artifact that a task writes.

    Attributes:
        type: `schemaTitle` or `instanceSchema` -> its text.
        metadata: the properties that the artifact has from the start.
    """

    type: Mapping[str, str]
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class RetryPolicy:
    """How often a task is tried again, and the seconds before that.

    Attributes:
        retries: number of attempts after the first one.
        seconds: wait before the second attempt.
        factor: each wait is so many times the one before.
        window: seconds after the start of the first attempt, after which none begins.
    """

    retries: int = 0
    seconds: float = 0.0
    factor: float = 2.0
    window: float = 3600.0


@dataclass(frozen=True)
class CompiledTask:
    """A task.

    Attributes:
        name: its name in the pipeline.
        parameters: parameter -> where its value comes from.
        artifacts: input artifact -> the output that it is.
        output_parameters: parameter that the task writes -> its type.
        output_artifacts: artifact that the task writes -> its description.
        body: what runs.
        after: the tasks that must have ended before.
        cached: whether outputs of an equal earlier task may be reused.
        after_failures: whether the task runs even if one of `after` failed.
        retry: how often it is tried again.
        definition: the component's definition, which is part of the cache's key.
    """

    name: str
    parameters: Mapping[str, ParameterInput]
    artifacts: Mapping[str, OutputOf]
    output_parameters: Mapping[str, ParameterType]
    output_artifacts: Mapping[str, ArtifactOutput]
    body: TaskBody
    after: frozenset[str]
    cached: bool
    after_failures: bool
    retry: RetryPolicy
    definition: Mapping[str, JsonValue]


@dataclass(frozen=True)
class CompiledPipeline:
    """A compiled pipeline.

    Attributes:
        name: name of the pipeline, which its runs and its cache begin with.
        root: folder of the artifacts of all runs; empty if the file names none.
        tasks: the tasks, each after those it depends on.
        stops_at_failure: whether no task is started any more once one has failed.
        digest: digest of the file after its places were replaced.
        buckets: those that it still names, which are read and written as they are.
    """

    name: str
    root: str
    tasks: tuple[CompiledTask, ...]
    stops_at_failure: bool
    digest: str
    buckets: tuple[str, ...] = ()
