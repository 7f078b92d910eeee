"""The artifacts of earlier runs on this machine, as ML Metadata knows them."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore

from data_prep import storage
from data_prep.storage.usage import usage
from pipeline.retention.removals import Removal

_RUN, _PIPELINE = "pipeline_run", "pipeline"
Proto = Any
"""A message of ML Metadata, whose classes are generated at import."""


def old_artifacts(store: MetadataStore, artifacts: Path, keep: int) -> list[Removal]:
    """Return the outputs that none of the newest runs made or used.

    Args:
        store: ML Metadata.
        artifacts: folder of the artifacts of all pipelines.
        keep: number of runs of each pipeline that stay, at least 1.
    """
    kept = {
        storage.absolute(artifact.uri)
        for run in _newest_runs(store, keep)
        for artifact in _artifacts_of(store, run)
    }
    found = {storage.absolute(artifact.uri) for artifact in store.get_artifacts()} - kept
    inside = sorted(uri for uri in found if Path(uri).is_relative_to(artifacts.resolve()))
    reason = f"of none of the newest {keep} runs"
    return [Removal(uri, reason, usage(uri).size) for uri in inside if storage.is_dir(uri)]


def _newest_runs(store: MetadataStore, keep: int) -> list[Proto]:
    runs = defaultdict(list)
    for run in store.get_contexts_by_type(_RUN):
        executions = store.get_executions_by_context(run.id)
        pipelines = [
            context.name
            for context in (store.get_contexts_by_execution(executions[0].id) if executions else [])
            if context.type == _PIPELINE
        ]
        runs["".join(pipelines)].append(run)
    return [
        run
        for each in runs.values()
        for run in sorted(each, key=lambda run: run.create_time_since_epoch)[-keep:]
    ]


def _artifacts_of(store: MetadataStore, run: Proto) -> list[Proto]:
    """Return what the executions of a run made or used, those from the cache included."""
    executions = [execution.id for execution in store.get_executions_by_context(run.id)]
    events = store.get_events_by_execution_ids(executions) if executions else []
    return list(store.get_artifacts_by_id({event.artifact_id for event in events}))
