"""Reads the files that the compilers for Vertex AI and Kubeflow Pipelines write."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from data_prep.errors import UserError
from data_prep.settings import shown
from pipeline.compiled.compiled_documents import read_documents
from pipeline.compiled.parameter_types import Proto, new_value, old_value, type_of
from pipeline.compiled.place_mapping import PlaceMapping, buckets_in
from pipeline.compiled.task_graph import in_order
from pipeline.compiled.task_plan import CompiledPipeline
from pipeline.compiled.task_reader import read_tasks

_WHAT = "a compiled pipeline, a PipelineJob as JSON or a PipelineSpec as YAML"
_FAIL_FAST = "PIPELINE_FAILURE_POLICY_FAIL_FAST"
_RUNTIME = ("parameters", "parameterValues", "gcsOutputDirectory")


@dataclass(frozen=True)
class _Parts:
    """Parts of a compiled file.

    Attributes:
        spec: what Kubeflow Pipelines calls a `PipelineSpec`.
        runtime: `PipelineJob.RuntimeConfig`, empty in a file for Kubeflow.
        platforms: Kubeflow's settings of its nodes, which do not matter here but must be readable.
        stops_at_failure: see `CompiledPipeline`.
    """

    spec: Mapping[str, Any]
    runtime: Mapping[str, Any]
    platforms: Mapping[str, Any]
    stops_at_failure: bool


def read_compiled(uri: str, places: PlaceMapping) -> CompiledPipeline:
    """Read and check a compiled pipeline.

    Args:
        uri: the file.
        places: local folders for its URIs.

    Raises:
        UserError: it is no compiled pipeline, or holds something that cannot be run here.
    """
    found = read_documents(uri, _WHAT)
    documents = places.replace(found)
    try:
        places.check(found)
        return _pipeline(_parts(documents), documents)
    except UserError as error:
        raise UserError(f"{uri}: {error}") from error


def _pipeline(parts: _Parts, documents: list[Any]) -> CompiledPipeline:
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec = _parsed(parts.spec, pipeline_spec_pb2.PipelineSpec())
    runtime = _parsed(parts.runtime, pipeline_spec_pb2.PipelineJob.RuntimeConfig())
    _parsed(parts.platforms, pipeline_spec_pb2.PlatformSpec())
    deployment = _parsed(
        parts.spec.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    name = spec.pipeline_info.name
    if not name:
        raise UserError("pipelineInfo.name: must be the pipeline's name, got nothing")
    return CompiledPipeline(
        name=name,
        root=runtime.gcs_output_directory or spec.default_pipeline_root,
        tasks=in_order(read_tasks(spec, deployment, _root_parameters(spec, runtime))),
        stops_at_failure=parts.stops_at_failure,
        digest=_digest(documents),
        buckets=tuple(buckets_in(documents)),
    )


def _parts(documents: list[Any]) -> _Parts:
    first = documents[0] if documents else None
    if not isinstance(first, dict):
        raise UserError(f"must be {_WHAT}, got {shown(first)}")
    if "pipelineSpec" not in first:
        return _kubeflow_parts(first, documents[1:])
    spec, runtime = first["pipelineSpec"], first.get("runtimeConfig") or {}
    if not isinstance(spec, dict) or not isinstance(runtime, dict):
        raise UserError(f"must be {_WHAT}, got {shown(first)}")
    if runtime.get("inputArtifacts"):
        raise UserError("runtimeConfig.inputArtifacts: must be empty to run here")
    return _Parts(
        spec=spec,
        runtime={key: runtime[key] for key in _RUNTIME if key in runtime},
        platforms={},
        # Vertex AI goes on with what does not depend on the failed task, unless told otherwise.
        stops_at_failure=runtime.get("failurePolicy") == _FAIL_FAST,
    )


def _kubeflow_parts(spec: Mapping[str, Any], others: list[Any]) -> _Parts:
    if "root" not in spec or len(others) > 1 or not all(isinstance(o, dict) for o in others):
        raise UserError(f"must be {_WHAT}, got the keys {shown(sorted(map(str, spec)))}")
    # Kubeflow's workflows are Argo's, which start nothing after a failure.
    return _Parts(spec, {}, others[0] if others else {}, stops_at_failure=True)


def _parsed(values: Mapping[str, Any], message: Proto) -> Proto:
    from google.protobuf import json_format

    try:
        return json_format.ParseDict(dict(values), message)
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as error:
        [reason, *_] = str(error).splitlines() or [type(error).__name__]
        raise UserError(f"must have the fields of a {message.DESCRIPTOR.name}: {reason}") from error


def _root_parameters(spec: Proto, runtime: Proto) -> dict[str, JsonValue]:
    """Return the pipeline's parameters, as given or by default."""
    declared = spec.root.input_definitions.parameters
    given = {key: old_value(value) for key, value in runtime.parameters.items()}
    given |= {key: new_value(value) for key, value in runtime.parameter_values.items()}
    if unknown := sorted(given.keys() - set(declared)):
        raise UserError(f"runtimeConfig: must have parameters of the pipeline, got {unknown[0]}")
    found: dict[str, JsonValue] = {}
    for name, definition in declared.items():
        what = f"parameter {name}"
        if name in given:
            value = given[name]
        elif definition.HasField("default_value"):
            value = new_value(definition.default_value)
        else:
            continue  # the tasks that read it say that it is missing
        found[name] = type_of(definition, what).check(value, what)
    return found


def _digest(documents: list[Any]) -> str:
    text = json.dumps(documents, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
