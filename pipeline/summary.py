"""What a run came to, out of ML Metadata and the Evaluator's files."""

from pathlib import Path

MIXTURE_TYPES = ("transparency", "occlusion")


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
        served from the cache; `seconds`; `artifacts`, name -> folder.
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
        "metrics": read_metrics(evaluation),
        "blessed": blessed,
        "reasons": [] if blessed else read_failures(evaluation),
        "pushed": destination if blessed and destination else None,
        "cached": cached,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "artifacts": {
            "mixtures": str(_path(outputs["MixtureGen"]["examples"])),
            "model": str(_path(outputs["Trainer"]["model"])),
            "logs": str(_path(outputs["Trainer"]["model_run"])),
            "evaluation": str(evaluation),
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


def _path(artifacts) -> Path:
    [artifact] = artifacts
    return Path(artifact.uri)


def read_metrics(evaluation: Path) -> dict[str, dict[str, float]]:
    """Read the metrics of each mixture type from the Evaluator's folder."""
    import tensorflow_model_analysis as tfma

    metrics = {}
    for record in tfma.load_metrics(str(evaluation)):
        keys = record.slice_key.single_slice_keys
        if len(keys) == 1 and keys[0].column == "mixture_type":
            metrics[keys[0].bytes_value.decode()] = {
                item.key.name: item.value.double_value.value
                for item in record.metric_keys_and_values
                if not item.key.is_diff and item.key.model_name in ("", "candidate")
            }
    return {name: metrics[name] for name in MIXTURE_TYPES if name in metrics}


def read_failures(evaluation: Path) -> list[str]:
    """Read why a model was not blessed, one line a threshold that it missed."""
    import tensorflow_model_analysis as tfma

    result = tfma.load_validation_result(str(evaluation))
    lines = []
    for slice_result in result.metric_validations_per_slice:
        where = ", ".join(
            f"{key.column} {key.bytes_value.decode()}"
            for key in slice_result.slice_key.single_slice_keys
        )
        for failure in slice_result.failures:
            threshold = failure.metric_threshold
            value = failure.metric_value.double_value.value
            name = failure.metric_key.name
            if threshold.HasField("change_threshold"):
                rule = f"may exceed the last blessed model's by {_bound(threshold)}; it does by"
            elif threshold.value_threshold.HasField("upper_bound"):
                rule = f"must be at most {_bound(threshold)}; it is"
            else:
                rule = f"must be at least {_bound(threshold)}; it is"
            lines.append(f"{where or 'all mixtures'}: {name} {rule} {value:.3f}")
    for missing in result.missing_slices:
        lines.append(f"no example of a slice that thresholds ask for: {missing}".strip())
    return sorted(lines)


def _bound(threshold) -> str:
    if threshold.HasField("change_threshold"):
        return f"{threshold.change_threshold.absolute.value:g}"
    value = threshold.value_threshold
    bound = value.upper_bound if value.HasField("upper_bound") else value.lower_bound
    return f"{bound.value:g}"
