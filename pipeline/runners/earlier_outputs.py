"""Outputs of earlier runs that were deleted or never finished, which TFX does not notice."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.utils import path_utils

from components.mixture_gen.attempts import list_attempts
from data_prep import storage
from pipeline.mixtures import splits_without_records

Proto = Any
"""A message of ML Metadata, whose classes are generated at import."""

_Artifact = metadata_store_pb2.Artifact
_Execution = metadata_store_pb2.Execution
_FOLDERS = ("*/*/*/{}", "*/*/.system/*/{}")
"""Folders of an execution among the artifacts: PIPELINE/STAGE/OUTPUT/ID, and temporary files."""
_MODEL = ("saved_model.pb", "variables/variables.index")
_SHOWN = 2


class Missing(NamedTuple):
    """An output that is gone; `kind` is its type in ML Metadata."""

    folder: str
    kind: str


def update_states(store: MetadataStore) -> list[Missing]:
    """Make ML Metadata agree with the files.

    An output that is gone becomes a deleted one, which TFX takes neither from its cache nor as the
    model to compare with. One that is back becomes a live one again.

    Args:
        store: ML Metadata.

    Returns:
        Outputs that are gone since the last time, sorted by their folders.
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
    return sorted(
        Missing(_pushed_to(artifact) or artifact.uri, types[artifact.type_id]) for artifact in gone
    )


def remove_unfinished(store: MetadataStore, artifacts: Path, unfinished: Path) -> None:
    """Remove what stages left behind that were interrupted or killed, but for finished records.

    Args:
        store: ML Metadata.
        artifacts: folder of the artifacts of all pipelines, which no other run writes to.
        unfinished: folder that lists the attempts at records that a later one takes over.
    """
    kept = {uri for folder in unfinished.glob("*/") for uri in list_attempts(str(folder))}
    ended = []
    for execution in store.get_executions():
        if execution.last_known_state in (_Execution.NEW, _Execution.RUNNING):
            for pattern in _FOLDERS:
                for folder in artifacts.glob(pattern.format(execution.id)):
                    if storage.absolute(str(folder)) not in kept:
                        storage.remove_tree(str(folder))
            execution.last_known_state = _Execution.CANCELED
            ended.append(execution)
    store.put_executions(ended)


def describe_missing(missing: Sequence[Missing]) -> str:
    """Say in one line which outputs are gone, and what that means."""
    shown = ", ".join(storage.absolute(output.folder) for output in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    models = any(output.kind == "PushedModel" for output in missing)
    note = "; a deleted model cannot be the baseline" if models else ""
    return f"deleted since the last run: {shown}{more}; regenerated where needed{note}"


def _is_there(artifact: Proto, kind: str) -> bool:
    """Say whether an output exists, and holds the model or the records that it should."""
    if _own_property(artifact, "is_external").int_value:
        return True  # imported from elsewhere; its stage would not take it up again
    if pushed := _pushed_to(artifact):
        return _holds_model(pushed) and storage.exists(artifact.uri)
    if kind == "Model":
        return _holds_model(path_utils.serving_model_path(artifact.uri))
    if kind == "Examples":
        return not splits_without_records(artifact.uri)
    return storage.exists(artifact.uri)


def _holds_model(folder: str) -> bool:
    return all(storage.exists(storage.join(folder, name)) for name in _MODEL)


def _pushed_to(artifact: Proto) -> str:
    """Return the folder that the Pusher copied a model to, or an empty text."""
    return str(_own_property(artifact, "pushed_destination").string_value)


def _own_property(artifact: Proto, name: str) -> Proto:
    """Return a value of an artifact, which would itself get an empty one by being asked."""
    found = artifact.custom_properties
    return found[name] if name in found else metadata_store_pb2.Value()
