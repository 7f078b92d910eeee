"""Reads what runs in a task."""

from collections.abc import Callable
from typing import Any

from data_prep.errors import UserError
from data_prep.registry import lookup
from pipeline.compiled.container_body import ContainerBody
from pipeline.compiled.importer_body import ImporterBody
from pipeline.compiled.parameter_types import Proto, new_value, old_value
from pipeline.compiled.placeholders import require_known
from pipeline.compiled.task_body import TaskBody

_PAID = {
    "--runner=DataflowRunner": "cloud.dataflow",
    "components.training.job_executor.TrainingJobExecutor": "cloud.vertex.training",
}
"""Word of a command that would start machines which are paid for -> the setting behind it."""


def read_body(label: str, deployment: Proto) -> TaskBody:
    """Return what an executor of a pipeline's `PipelineDeploymentConfig` runs.

    Raises:
        UserError: there is none with this label, or it cannot be run here.
    """
    if label not in deployment.executors:
        raise UserError(f"executor: must be in deploymentSpec, got {label!r}")
    executor = deployment.executors[label]
    kind = executor.WhichOneof("spec") or "nothing"
    read = lookup(_BODIES, kind, "executor that runs here")
    return read(getattr(executor, kind))


def _container(found: Proto) -> ContainerBody:
    if found.HasField("lifecycle"):
        raise UserError("lifecycle.preCacheCheck: must be empty to run here")
    if not found.command:
        raise UserError("command: must be given to run here, where there is no image's entry point")
    command = (*found.command, *found.args)
    for word in command:
        require_known(word)
    for word, setting in _PAID.items():
        if word in command:
            raise UserError(f"{word}: must run on this machine; compile with {setting}=null")
    return ContainerBody(
        image=found.image,
        command=command,
        environment={variable.name: variable.value for variable in found.env},
        machine=_machine(found.resources),
    )


def _machine(found: Proto) -> str:
    """Return the machine that a container asks for, in words; empty if it asks for none."""
    memory = f"{found.memory_limit:g} GB" if found.memory_limit else ""
    gpu = found.accelerator
    values = {
        "{} vCPU": found.resource_cpu_limit or (found.cpu_limit and f"{found.cpu_limit:g}"),
        "{}": memory or found.resource_memory_limit,
        "{} " + (gpu.resource_type or gpu.type): gpu.resource_count or gpu.count,
    }
    return ", ".join(words.format(value) for words, value in values.items() if value)


def _importer(found: Proto) -> ImporterBody:
    from google.protobuf import json_format

    kind = found.artifact_uri.WhichOneof("value")
    constants = {"constant": new_value, "constant_value": old_value}
    return ImporterBody(
        uri=str(constants[kind](getattr(found.artifact_uri, kind))) if kind in constants else "",
        parameter=found.artifact_uri.runtime_parameter,
        metadata=json_format.MessageToDict(found.metadata),
        reimport=found.reimport,
    )


_BODIES: dict[str, Callable[[Any], TaskBody]] = {"container": _container, "importer": _importer}
