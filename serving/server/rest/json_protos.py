"""Answers about models as JSON, with every field, as TensorFlow Serving writes them."""

from collections.abc import Mapping
from typing import Any

from tensorflow.core.framework.types_pb2 import DataType
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

from serving.server.model_folder import Status


def status_json(statuses: Mapping[int, Status]) -> dict[str, Any]:
    """Return the states of versions, newest first."""
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": status.state.name,
                "status": {"error_code": status.code.name, "error_message": status.error},
            }
            for version, status in sorted(statuses.items(), reverse=True)
        ]
    }


def metadata_json(
    name: str, version: int, signatures: Mapping[str, SignatureDef]
) -> dict[str, Any]:
    """Return the signatures of a version."""
    definitions = {key: _signature(definition) for key, definition in signatures.items()}
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": definitions}},
    }


def _signature(definition: SignatureDef) -> dict[str, Any]:
    return {
        "inputs": {name: _tensor(info) for name, info in definition.inputs.items()},
        "outputs": {name: _tensor(info) for name, info in definition.outputs.items()},
        "method_name": definition.method_name,
        "defaults": {},
    }


def _tensor(info: TensorInfo) -> dict[str, Any]:
    shape = info.tensor_shape
    return {
        "dtype": DataType.Name(info.dtype),
        "tensor_shape": {
            "dim": [{"size": str(axis.size), "name": axis.name} for axis in shape.dim],
            "unknown_rank": shape.unknown_rank,
        },
        "name": info.name,
    }
