"""What a run came to, out of ML Metadata and the Evaluator's files."""

from pathlib import Path

from components.analyses.artifact import read_analysis
from components.evaluation.evaluation_results import by_mixture_type, read_failures, read_metrics
from components.report import FILE

_ANALYSES = {"action_accuracy": "ActionRecognition", "control_shift": "ControlShift"}


def summarise(pipeline_name: str, connection, seconds: dict[str, float]) -> dict:
    """Read what the last run of a pipeline came to.

    Args:
        pipeline_name: the pipeline's name.
        connection: ML Metadata's connection.
        seconds: stage -> seconds.

    Returns:
        `metrics`: mixture type -> `loss`, `identity_loss`, `relative_loss`, `control_accuracy`,
        each with `NAME_interval`, the half-width of its 95 % interval; `blessed`; `reasons`,
        why not, in words; `pushed`, the version's folder or None; `cached`, the stages that were
        served from the cache; `seconds`; where the pipeline had the stage, `action_accuracy` (see
        `components.analyses.action_recognition.protocol.summarise`) and `control_shift` (see
        `components.analyses.control_shift.curve.summarise`); `artifacts`, name -> folder,
        and of the report its page.
    """
    from tfx.orchestration.metadata import Metadata

    with Metadata(connection) as handle:
        outputs, cached = _last_run(handle.store, pipeline_name)
    evaluation = _path(outputs["Evaluator"]["evaluation"])
    [blessing] = outputs["Evaluator"]["blessing"]
    blessed = blessing.custom_properties["blessed"].int_value == 1
    pushed = outputs.get("Pusher", {}).get("pushed_model", [])
    destination = pushed[0].custom_properties["pushed_destination"].string_value if pushed else ""
    return {
        "pipeline": pipeline_name,
        "metrics": by_mixture_type(read_metrics(evaluation)),
        "blessed": blessed,
        "reasons": [] if blessed else read_failures(evaluation),
        "pushed": destination if blessed and destination else None,
        "cached": cached,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        **{
            key: read_analysis(str(_path(outputs[stage]["analysis"])))
            for key, stage in _ANALYSES.items()
            if stage in outputs
        },
        "artifacts": {
            "mixtures": str(_path(_examples(outputs))),
            "model": str(_path(outputs["Trainer"]["model"])),
            "logs": str(_path(outputs["Trainer"]["model_run"])),
            "evaluation": str(evaluation),
            "report": str(_path(outputs["Report"]["report"]) / FILE),
        },
    }


def _last_run(store, pipeline_name: str) -> tuple[dict, list[str]]:
    """Return stage -> output -> artifacts of the newest run, and the cached stages' names."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    runs = [
        context
        for context in store.get_contexts_by_type("pipeline_run")
        if pipeline_name in (c.name for c in store.get_parent_contexts_by_context(context.id))
    ]
    run = max(runs, key=lambda context: context.id)
    stages, cached = {}, []
    for execution in sorted(store.get_executions_by_context(run.id), key=lambda item: item.id):
        [node] = [
            context.name.removeprefix(f"{pipeline_name}.")
            for context in store.get_contexts_by_execution(execution.id)
            if context.type == "node"
        ]
        if execution.last_known_state == mlmd.Execution.CACHED:
            cached.append(node)
        events = store.get_events_by_execution_ids([execution.id])
        for event in events:
            if event.type == mlmd.Event.OUTPUT:
                [artifact] = store.get_artifacts_by_id([event.artifact_id])
                key = event.path.steps[0].key
                stages.setdefault(node, {}).setdefault(key, []).append(artifact)
    return stages, cached


def _examples(outputs):
    if "MixtureGen" in outputs:
        return outputs["MixtureGen"]["examples"]
    return outputs["ImportMixtures"]["result"]


def _path(artifacts) -> Path:
    [artifact] = artifacts
    return Path(artifact.uri)
