"""The artifacts of earlier runs on this machine, as ML Metadata knows them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from data_prep import storage
from data_prep.storage.usage import usage
from pipeline.retention.removals import Removal, is_inside

Proto = Any
"""A message of ML Metadata, whose classes are generated at import."""

_RUN, _PIPELINE, _NODE = "pipeline_run", "pipeline", "node"
_LAST = "Report"
"""The last stage of a pipeline, which shows that a run came to its end."""
_MIXING = {"Index", "MixtureGen"}
"""Stages of a pipeline that makes mixtures alone, which has no report."""
_DONE = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)


@dataclass(frozen=True)
class _Run:
    """A run of a pipeline.

    Attributes:
        created: when it was begun.
        executions: ids of its executions, those from the cache included.
        done: stage -> whether it came to its end.
    """

    created: int
    executions: Sequence[int]
    done: dict[str, bool]


def old_artifacts(store: MetadataStore, artifacts: Path, keep: int) -> list[Removal]:
    """Return the outputs that none of the newest runs made or used.

    Args:
        store: ML Metadata.
        artifacts: folder of the artifacts of all pipelines.
        keep: number of runs of each pipeline that stay, at least 1. Only runs that came to their
            end count; the others stay if they are newer than the oldest one that does.
    """
    kept = {
        storage.absolute(artifact.uri)
        for runs in _runs(store).values()
        for run in _newest(runs, keep)
        for artifact in _artifacts_of(store, run)
    }
    inside = {artifact.uri for artifact in store.get_artifacts()}
    inside = {uri for uri in inside if is_inside(uri, str(artifacts))}
    found = sorted({*map(storage.absolute, inside)} - kept)
    reason = f"of none of the newest {keep} runs"
    return [Removal(uri, reason, usage(uri).size) for uri in found if storage.is_dir(uri)]


def _runs(store: MetadataStore) -> dict[str, list[_Run]]:
    """Return the pipelines -> their runs."""
    runs = defaultdict(list)
    for context in store.get_contexts_by_type(_RUN):
        executions = store.get_executions_by_context(context.id)
        pipeline, done = "", dict[str, bool]()
        for execution in executions:
            names = {each.type: each.name for each in store.get_contexts_by_execution(execution.id)}
            pipeline = names.get(_PIPELINE, pipeline)
            stage = names.get(_NODE, "").removeprefix(f"{pipeline}.")
            done[stage] = done.get(stage, True) and execution.last_known_state in _DONE
        ids = [execution.id for execution in executions]
        runs[pipeline].append(_Run(context.create_time_since_epoch, ids, done))
    return runs


def _newest(runs: Iterable[_Run], keep: int) -> list[_Run]:
    """Return the newest runs that came to their end, and all that are newer than one of them."""
    newest = sorted(runs, key=lambda run: run.created, reverse=True)
    only_mixes = all(run.done.keys() <= _MIXING for run in newest)
    ended = [
        number
        for number, run in enumerate(newest)
        if (bool(run.done) and all(run.done.values()) if only_mixes else run.done.get(_LAST))
    ]
    return newest[: ended[keep - 1] + 1] if len(ended) >= keep else newest


def _artifacts_of(store: MetadataStore, run: _Run) -> list[Proto]:
    """Return what the executions of a run made or used, those from the cache included."""
    events = store.get_events_by_execution_ids(run.executions) if run.executions else []
    return list(store.get_artifacts_by_id({event.artifact_id for event in events}))
