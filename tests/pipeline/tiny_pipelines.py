"""Compiled pipelines written by hand, whose tasks are small scripts, in both dialects."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PRELUDE = """
import json, os, pathlib, signal, sys, time
call = json.loads(sys.argv[1])
inputs, outputs = call["inputs"], call["outputs"]
def value(name):
    if name in inputs["parameters"]:
        [found] = inputs["parameters"][name].values()
        return found
    return inputs["parameterValues"][name]
def given(name):
    [found] = inputs["artifacts"][name]["artifacts"]
    return found
def made(name):
    [found] = outputs["artifacts"][name]["artifacts"]
    return found
def write(name, text):
    pathlib.Path(made(name)["uri"], "data.txt").write_text(text)
def read(name):
    return pathlib.Path(given(name)["uri"], "data.txt").read_text()
def answer(parameters=None, **metadata):
    artifacts = {k: {"artifacts": [{"name": made(k)["name"], "uri": made(k)["uri"], "metadata": m}]}
                 for k, m in metadata.items()}
    message = {"artifacts": artifacts, "parameterValues": parameters or {}}
    pathlib.Path(outputs["outputFile"]).write_text(json.dumps(message))
"""


@dataclass(frozen=True)
class Tiny:
    """A task.

    Attributes:
        script: what it runs after `PRELUDE`.
        parameters: parameter -> its value, or a `dict` that says where it comes from.
        artifacts: input artifact -> "TASK.KEY".
        writes: keys of the artifacts that it writes.
        returns: parameter that it writes -> its type.
        more: further fields of the task.
        container: further fields of the container.
        executor: another executor in place of the container.
    """

    script: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    writes: Sequence[str] = ()
    returns: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    executor: Mapping[str, Any] | None = None


CACHED = {"cachingOptions": {"enableCache": True}}


@dataclass(frozen=True)
class Dialect:
    """How a compiler writes parameters."""

    version: str
    kind: str
    types: Mapping[type, str]

    def definition(self, value: Any) -> dict[str, Any]:
        return {self.kind: self.types[str if isinstance(value, dict) else type(value)]}

    def source(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if self.kind == "parameterType":
            return {"runtimeValue": {"constant": value}}
        names = {int: "intValue", float: "doubleValue", str: "stringValue"}
        return {"runtimeValue": {"constantValue": {names[type(value)]: value}}}


OLD = Dialect("2.0.0", "type", {int: "INT", float: "DOUBLE", str: "STRING"})
NEW = Dialect(
    "2.1.0",
    "parameterType",
    {int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", str: "STRING", bool: "BOOLEAN", list: "LIST"},
)


def from_task(name: str, key: str) -> dict[str, Any]:
    return {"taskOutputParameter": {"producerTask": name, "outputParameterKey": key}}


def from_pipeline(name: str) -> dict[str, Any]:
    return {"componentInputParameter": name}


def spec_of(tasks: Mapping[str, Tiny], dialect: Dialect = NEW, **fields: Any) -> dict[str, Any]:
    """Return a PipelineSpec."""
    return {
        "pipelineInfo": {"name": "tiny"},
        "schemaVersion": dialect.version,
        "sdkVersion": "tfx-1.16.0",
        "deploymentSpec": {
            "executors": {f"{name}_executor": _executor(task) for name, task in tasks.items()}
        },
        "components": {name: _component(name, task, dialect) for name, task in tasks.items()},
        "root": {
            "dag": {"tasks": {name: _task(name, task, dialect) for name, task in tasks.items()}},
            **fields,
        },
    }


def write_job(path: Path, spec: Mapping[str, Any], root: str, **runtime: Any) -> Path:
    """Write the file for Vertex AI."""
    job = {
        "displayName": "tiny",
        "labels": {"a": "b"},
        "pipelineSpec": spec,
        "runtimeConfig": {"gcsOutputDirectory": root, **runtime},
    }
    path.write_text(json.dumps(job))
    return path


def write_yaml(path: Path, spec: Mapping[str, Any], root: str) -> Path:
    """Write the file for Kubeflow, with settings of its nodes as a second document."""
    [first, *_] = spec["deploymentSpec"]["executors"]
    nodes = {first: {"nodeSelector": {"labels": {"a": "b"}}}}
    platforms = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": nodes}}}}
    path.write_text(yaml.safe_dump_all([{**spec, "defaultPipelineRoot": root}, platforms]))
    return path


def _executor(task: Tiny) -> Mapping[str, Any]:
    if task.executor is not None:
        return task.executor
    script = PRELUDE + textwrap.dedent(task.script)
    command = {"image": "registry/image:1", "command": ["python", "-c", script], "args": ["{{$}}"]}
    return {"container": {**command, **task.container}}


def _component(name: str, task: Tiny, dialect: Dialect) -> dict[str, Any]:
    kind = {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}
    return {
        "executorLabel": f"{name}_executor",
        "inputDefinitions": {
            "parameters": {key: dialect.definition(v) for key, v in task.parameters.items()},
            "artifacts": dict.fromkeys(task.artifacts, kind),
        },
        "outputDefinitions": {
            "parameters": {key: {"parameterType": name} for key, name in task.returns.items()},
            "artifacts": dict.fromkeys(task.writes, kind),
        },
    }


def _task(name: str, task: Tiny, dialect: Dialect) -> dict[str, Any]:
    artifacts = {key: source.split(".") for key, source in task.artifacts.items()}
    return {
        "taskInfo": {"name": name},
        "componentRef": {"name": name},
        "inputs": {
            "parameters": {key: dialect.source(value) for key, value in task.parameters.items()},
            "artifacts": {
                key: {"taskOutputArtifact": {"producerTask": name, "outputArtifactKey": output}}
                for key, (name, output) in artifacts.items()
            },
        },
        **task.more,
    }
