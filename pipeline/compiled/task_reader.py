"""Reads the tasks of a compiled pipeline, and refuses what cannot be run here."""

import re
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from data_prep.errors import UserError
from pipeline.compiled.body_reader import read_body
from pipeline.compiled.parameter_reader import read_parameters
from pipeline.compiled.parameter_types import Proto, type_of
from pipeline.compiled.task_body import TaskBody
from pipeline.compiled.task_plan import (
    ArtifactOutput,
    CompiledTask,
    OutputOf,
    RetryPolicy,
)

_NAME = re.compile(r"\w[\w.-]*")
_UNSUPPORTED: dict[str, Callable[[Proto], object]] = {
    "artifactIterator": lambda task: task.HasField("artifact_iterator"),
    "parameterIterator": lambda task: task.HasField("parameter_iterator"),
    "triggerPolicy.condition": lambda task: task.trigger_policy.condition,
    "cachingOptions.cacheKey": lambda task: task.caching_options.cache_key,
}
"""Field of a task that cannot be run here -> whether a task has it."""


def read_tasks(
    spec: Proto, deployment: Proto, parameters: Mapping[str, JsonValue]
) -> dict[str, CompiledTask]:
    """Return the tasks of a pipeline by their names.

    Args:
        spec: the `PipelineSpec`.
        deployment: its `PipelineDeploymentConfig`.
        parameters: parameter of the pipeline -> its value.

    Raises:
        UserError: a task cannot be run here.
    """
    tasks = {}
    for name, task in spec.root.dag.tasks.items():
        try:
            component = _component(task, spec)
            body = read_body(component.executor_label, deployment)
            tasks[name] = _task(name, task, component, body, parameters)
        except UserError as error:
            raise UserError(f"task {name}: {error}") from error
    if not tasks:
        raise UserError("root.dag.tasks: must hold at least one task, got none")
    return tasks


def _task(
    name: str,
    task: Proto,
    component: Proto,
    body: TaskBody,
    given: Mapping[str, JsonValue],
) -> CompiledTask:
    from google.protobuf import json_format

    for field, has_it in _UNSUPPORTED.items():
        if has_it(task):
            raise UserError(f"{field}: must be empty to run here")
    outputs = component.output_definitions
    for key in (name, *outputs.artifacts, *outputs.parameters):
        if not _NAME.fullmatch(key):
            raise UserError(f"name: must be letters, digits, '.', '-' and '_', got {key!r}")
    parameters = read_parameters(task, component, given)
    artifacts = {key: _producer(found) for key, found in task.inputs.artifacts.items()}
    sources = [parameter.source for parameter in parameters.values()]
    producers = [
        source for source in (*sources, *artifacts.values()) if isinstance(source, OutputOf)
    ]
    return CompiledTask(
        name=name,
        parameters=parameters,
        artifacts=artifacts,
        output_parameters={
            key: type_of(found, f"output parameter {key}")
            for key, found in outputs.parameters.items()
        },
        output_artifacts={
            key: _artifact_output(key, found) for key, found in outputs.artifacts.items()
        },
        body=body,
        after=frozenset(task.dependent_tasks) | {producer.task for producer in producers},
        cached=task.caching_options.enable_cache,
        after_failures=task.trigger_policy.strategy
        == task.trigger_policy.TriggerStrategy.Value("ALL_UPSTREAM_TASKS_COMPLETED"),
        retry=_retry(task.retry_policy),
        definition=json_format.MessageToDict(component),
    )


def _component(task: Proto, spec: Proto) -> Proto:
    name = task.component_ref.name
    if name not in spec.components:
        raise UserError(f"componentRef: must name a component of the file, got {name!r}")
    component = spec.components[name]
    if not component.executor_label:
        raise UserError(f"component {name}: must have an executorLabel to run here, got none")
    return component


def _producer(found: Proto) -> OutputOf:
    if found.WhichOneof("kind") != "task_output_artifact":
        raise UserError("componentInputArtifact: must be empty to run here")
    output = found.task_output_artifact
    return OutputOf(output.producer_task, output.output_artifact_key)


def _artifact_output(key: str, found: Proto) -> ArtifactOutput:
    from google.protobuf import json_format

    if found.is_artifact_list or found.properties or found.custom_properties:
        raise UserError(f"output artifact {key}: must be one artifact with metadata to run here")
    return ArtifactOutput(
        type=json_format.MessageToDict(found.artifact_type),
        metadata=json_format.MessageToDict(found.metadata),
    )


def _retry(found: Proto) -> RetryPolicy:
    """Return a retry policy, with the platforms' defaults for what it leaves open."""
    return RetryPolicy(
        retries=found.max_retry_count,
        seconds=found.backoff_duration.ToTimedelta().total_seconds(),
        factor=found.backoff_factor or RetryPolicy.factor,
        window=found.backoff_max_duration.ToTimedelta().total_seconds() or RetryPolicy.window,
    )
