"""One call of a task, and the messages through which a container gets inputs and gives outputs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import JsonValue

from data_prep import storage
from pipeline.compiled.parameter_types import Proto, new_value, old_value
from pipeline.compiled.task_body import TaskFailedError
from pipeline.compiled.task_plan import CompiledTask
from pipeline.compiled.task_records import StoredArtifact, TaskOutputs

_VALUE_TITLES = {f"tfx.{kind}" for kind in ("Boolean", "Bytes", "Float", "Integer", "JsonValue")}
_VALUE_TITLES |= {"tfx.String"}
"""Types of artifacts that TFX writes as one file in the place of the folder."""


@dataclass(frozen=True)
class TaskCall:
    """One call of a task.

    Attributes:
        task: the task.
        run_id: name of the run.
        root: folder of the artifacts of all runs.
        parameters: input parameter -> its value.
        artifacts: input artifact -> the artifact.
        folder: folder of this machine for what is kept of the task.
    """

    task: CompiledTask
    run_id: str
    root: str
    parameters: Mapping[str, JsonValue]
    artifacts: Mapping[str, StoredArtifact]
    folder: str

    @property
    def place(self) -> str:
        """Folder of the task's artifacts."""
        return storage.join(self.root, self.run_id, self.task.name)

    @property
    def output_file(self) -> str:
        """File in which the container describes its outputs."""
        return storage.join(self.place, "executor_output.json")

    @property
    def new_artifacts(self) -> dict[str, StoredArtifact]:
        """The artifacts to be written, as they are before the call."""
        return {
            key: StoredArtifact(
                name=f"artifacts/{self.run_id}/{self.task.name}/{key}",
                uri=storage.join(self.place, key),
                type=dict(output.type),
                metadata=dict(output.metadata),
            )
            for key, output in self.task.output_artifacts.items()
        }

    def parameter_file(self, key: str) -> str:
        """Return the file to which the container may write a parameter."""
        return storage.join(self.folder, "parameters", key)

    def prepare(self) -> None:
        """Make what the platforms have in place, and remove what an earlier attempt answered.

        A bucket takes files in any folder. On this machine the folders must be there.
        """
        storage.remove(self.output_file)
        storage.remove_tree(storage.join(self.folder, "parameters"))
        storage.make_dirs(storage.join(self.folder, "parameters"))
        storage.make_dirs(self.place)
        for artifact in self.new_artifacts.values():
            if _title(artifact.type) not in _VALUE_TITLES:
                storage.make_dirs(artifact.uri)

    def executor_input(self) -> dict[str, Any]:
        """Return the message that the container gets, `ExecutorInput`, as JSON."""
        old: dict[str, JsonValue] = {}
        new: dict[str, JsonValue] = {}
        for key, value in self.parameters.items():
            kind = self.task.parameters[key].type
            if kind.field:
                old[key] = {kind.field: value}
            else:
                new[key] = value
        return {
            "inputs": {
                "parameters": old,
                "parameterValues": new,
                "artifacts": _listed(self.artifacts),
            },
            "outputs": {
                "artifacts": _listed(self.new_artifacts),
                "parameters": {
                    key: {"outputFile": self.parameter_file(key)}
                    for key in self.task.output_parameters
                },
                "outputFile": self.output_file,
            },
        }

    def read_outputs(self) -> TaskOutputs:
        """Return the outputs that the container described in `ExecutorOutput`.

        Raises:
            TaskFailedError: the description is not readable, or lacks a parameter.
            UserError: a parameter has another type.
        """
        found = _read_message(self.output_file)
        artifacts = self.new_artifacts
        for key, listed in found.artifacts.items():
            if key in artifacts and listed.artifacts:
                artifacts[key] = _updated(artifacts[key], listed.artifacts[0])
        return TaskOutputs(
            artifacts=artifacts,
            parameters={key: self._parameter(key, found) for key in self.task.output_parameters},
        )

    def _parameter(self, key: str, found: Proto) -> JsonValue:
        kind, what = self.task.output_parameters[key], f"output parameter {key}"
        if key in found.parameter_values:
            return kind.check(new_value(found.parameter_values[key]), what)
        if key in found.parameters:
            return kind.check(old_value(found.parameters[key]), what)
        if storage.exists(self.parameter_file(key)):
            return kind.read(storage.read_text(self.parameter_file(key)), what)
        raise TaskFailedError(f"{what}: must be written by the task, got nothing")


def _read_message(uri: str) -> Proto:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    message = pipeline_spec_pb2.ExecutorOutput()
    if not storage.exists(uri):
        return message
    try:
        return json_format.Parse(storage.read_text(uri), message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise TaskFailedError(f"{uri}: must be an ExecutorOutput: {error}") from error


def _updated(artifact: StoredArtifact, found: Proto) -> StoredArtifact:
    """Return an artifact with what a container said about it; its name and type stay."""
    from google.protobuf import json_format

    more = json_format.MessageToDict(found.metadata)
    return artifact.model_copy(
        update={"uri": found.uri or artifact.uri, "metadata": {**artifact.metadata, **more}}
    )


def _listed(artifacts: Mapping[str, StoredArtifact]) -> dict[str, Any]:
    return {
        key: {"artifacts": [artifact.model_dump(mode="json")]}
        for key, artifact in artifacts.items()
    }


def _title(schema: Mapping[str, str]) -> str:
    """Return the name of an artifact's type."""
    if "instanceSchema" not in schema:
        return schema.get("schemaTitle", "")
    found = yaml.safe_load(schema["instanceSchema"])
    return str(found.get("title", "")) if isinstance(found, dict) else ""


def to_text(message: Mapping[str, Any]) -> str:
    """Return a message as the JSON text that takes the place of `{{$}}`."""
    return json.dumps(message, sort_keys=True)
