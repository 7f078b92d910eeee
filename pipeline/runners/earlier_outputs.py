"""Outputs of earlier runs that were deleted or never finished, which TFX does not notice."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.utils import path_utils

from data_prep import storage

Proto = Any
"""A message of ML Metadata, whose classes are generated at import."""

_Artifact = metadata_store_pb2.Artifact
_Execution = metadata_store_pb2.Execution
_FOLDERS = ("*/*/*/{}", "*/*/.system/*/{}")
"""Folders of an execution among the artifacts: PIPELINE/STAGE/OUTPUT/ID, and temporary files."""
_MODEL = "saved_model.pb"
_SHOWN = 2


def update_states(store: MetadataStore) -> list[str]:
    """Make ML Metadata agree with the files.

    An output that is gone becomes a deleted one, which TFX takes neither from its cache nor as the
    model to compare with. One that is back becomes a live one again.

    Args:
        store: ML Metadata.

    Returns:
        Folders that are gone since the last time, sorted.
    """
    types = {found.id: found.name for found in store.get_artifact_types()}
    changed = []
    for artifact in store.get_artifacts():
        state = (
            _Artifact.LIVE if _is_there(artifact, types[artifact.type_id]) else _Artifact.DELETED
        )
        if artifact.state in (_Artifact.LIVE, _Artifact.DELETED) and artifact.state != state:
            artifact.state = state
            changed.append(artifact)
    store.put_artifacts(changed)
    gone = [artifact for artifact in changed if artifact.state == _Artifact.DELETED]
    return sorted(_pushed_to(artifact) or artifact.uri for artifact in gone)


def remove_unfinished(store: MetadataStore, artifacts: Path) -> None:
    """Remove what stages left behind that were interrupted or killed.

    Args:
        store: ML Metadata.
        artifacts: folder of the artifacts of all pipelines, which no other run writes to.
    """
    ended = []
    for execution in store.get_executions():
        if execution.last_known_state in (_Execution.NEW, _Execution.RUNNING):
            for pattern in _FOLDERS:
                for folder in artifacts.glob(pattern.format(execution.id)):
                    storage.remove_tree(str(folder))
            execution.last_known_state = _Execution.CANCELED
            ended.append(execution)
    store.put_executions(ended)


def describe_missing(folders: Sequence[str]) -> str:
    """Say in one line which outputs are gone, and what that means."""
    shown = ", ".join(storage.absolute(folder) for folder in folders[:_SHOWN])
    more = f" and {len(folders) - _SHOWN} more" if len(folders) > _SHOWN else ""
    return f"deleted since the last run: {shown}{more}; made again where needed, no baseline"


def _is_there(artifact: Proto, kind: str) -> bool:
    """Say whether an output exists, and holds the model if it is one."""
    if _own_property(artifact, "is_external").int_value:
        return True  # imported from elsewhere; its stage would not take it up again
    if pushed := _pushed_to(artifact):
        return storage.exists(storage.join(pushed, _MODEL)) and storage.exists(artifact.uri)
    if kind == "Model":
        return storage.exists(storage.join(path_utils.serving_model_path(artifact.uri), _MODEL))
    return storage.exists(artifact.uri)


def _pushed_to(artifact: Proto) -> str:
    """Return the folder that the Pusher copied a model to, or an empty text."""
    return str(_own_property(artifact, "pushed_destination").string_value)


def _own_property(artifact: Proto, name: str) -> Proto:
    """Return a value of an artifact, which would itself get an empty one by being asked."""
    found = artifact.custom_properties
    return found[name] if name in found else metadata_store_pb2.Value()
