"""The summary of a run, out of ML Metadata and the Evaluator's files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, SerializeAsAny, field_validator

from components.analyses.registry import load_results, read_analysis
from components.evaluation.slice_metrics import SliceMetrics
from components.report import FILE
from data_prep import storage
from data_prep.results import Results
from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    from ml_metadata import MetadataStore

Proto = Any
"""A message of ML Metadata, whose classes are generated at import."""
Outputs = dict[str, dict[str, Proto]]
"""Stage -> output -> artifact."""


class RunArtifacts(Results):
    """URIs of what a run made or used.

    Attributes:
        mixtures: folder of MixtureGen's examples.
        model: folder of the Trainer's model.
        logs: folder of TensorBoard's logs.
        evaluation: folder of the Evaluator's results.
        report: the HTML page.
    """

    mixtures: str
    model: str
    logs: str
    evaluation: str
    report: str


class RunSummary(Results):
    """Results of a run.

    Attributes:
        pipeline: the pipeline's name.
        system: the system's name.
        metrics: mixture type -> its metrics, in the tables' order.
        classes: mixture type -> `ONE_CLASS` or `TWO_CLASSES` -> metrics of these mixtures, if the
            evaluation has slices by classes.
        blessed: whether the model reached every threshold.
        reasons: why the model was not pushed, in words: the missed thresholds, or another model.
        pushed: folder of the pushed version; None if the model was not pushed.
        baseline: folder of the version that the model was compared with; empty if there was none.
        cached: stages that were served from the cache.
        seconds: stage -> seconds of this run.
        analyses: name of an analysis -> its results.
        artifacts: URIs of the artifacts.
    """

    pipeline: str
    system: str
    metrics: dict[str, SliceMetrics]
    classes: dict[str, dict[str, SliceMetrics]] = Field(default_factory=dict)
    blessed: bool
    reasons: tuple[str, ...]
    pushed: str | None
    baseline: str = ""
    cached: tuple[str, ...]
    seconds: dict[str, float]
    analyses: dict[str, SerializeAsAny[Results]]
    artifacts: RunArtifacts

    @field_validator("analyses", mode="before")
    @classmethod
    def _typed(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        return {name: load_results(name, found, name) for name, found in values.items()}


def summarize(
    config: PipelineConfig, connection: Proto, run_id: str, seconds: Mapping[str, float]
) -> RunSummary:
    """Read the results of a run.

    Args:
        config: the settings of the run.
        connection: ML Metadata's connection.
        run_id: name of the run in ML Metadata.
        seconds: stage -> seconds.

    Returns:
        The summary, with absolute paths.
    """
    from tfx.orchestration.metadata import Metadata

    from components.evaluation.evaluation_results import read_evaluation, read_failures
    from components.evaluation.evaluator import BASELINE
    from components.pusher.component import OVERTAKEN, OVERTAKEN_REASON

    with Metadata(connection) as handle:
        outputs, cached = read_run(handle.store, config.name, run_id)
    evaluation = outputs["Evaluator"]["evaluation"].uri
    results = read_evaluation(evaluation)
    blessing = outputs["Evaluator"]["blessing"]
    blessed = _property(blessing, "blessed").int_value == 1
    baseline = _property(blessing, BASELINE).string_value
    pushed = outputs.get("Pusher", {}).get("pushed_model")
    destination = _property(pushed, "pushed_destination").string_value if pushed else ""
    reasons = () if blessed else tuple(read_failures(evaluation))
    if pushed and _property(pushed, OVERTAKEN).int_value == 1:
        reasons = (OVERTAKEN_REASON,)
    analyses = [
        read_analysis(stage["analysis"].uri) for stage in outputs.values() if "analysis" in stage
    ]
    return RunSummary(
        pipeline=config.name,
        system=config.system.name,
        metrics=results.by_mixture_type(),
        classes=results.classes_within,
        blessed=blessed,
        reasons=reasons,
        pushed=storage.absolute(destination) if blessed and destination else None,
        baseline=storage.absolute(baseline) if baseline else "",
        cached=tuple(cached),
        seconds={name: round(value, 1) for name, value in seconds.items()},
        analyses={found.name: found.results for found in analyses},
        artifacts=RunArtifacts(
            mixtures=_mixtures(outputs),
            model=storage.absolute(outputs["Trainer"]["model"].uri),
            logs=storage.absolute(outputs["Trainer"]["model_run"].uri),
            evaluation=storage.absolute(evaluation),
            report=storage.join(storage.absolute(outputs["Report"]["report"].uri), FILE),
        ),
    )


def read_mixtures(pipeline: str, connection: Proto, run_id: str) -> str:
    """Return the folder of the mixtures of a run.

    Args:
        pipeline: the pipeline's name.
        connection: ML Metadata's connection.
        run_id: name of the run in ML Metadata.
    """
    from tfx.orchestration.metadata import Metadata

    with Metadata(connection) as handle:
        outputs, _ = read_run(handle.store, pipeline, run_id)
    return _mixtures(outputs)


def read_run(store: "MetadataStore", pipeline: str, run_id: str) -> tuple[Outputs, list[str]]:
    """Read what ML Metadata knows about a run.

    Args:
        store: ML Metadata.
        pipeline: the pipeline's name.
        run_id: name of the run in ML Metadata.

    Returns:
        The outputs of the stages, and the names of the stages that were served from the cache.
    """
    from ml_metadata.proto import metadata_store_pb2

    mlmd: Proto = metadata_store_pb2
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    stages: Outputs = {}
    cached = []
    for execution in sorted(store.get_executions_by_context(run.id), key=lambda item: item.id):
        [node] = [
            context.name.removeprefix(f"{pipeline}.")
            for context in store.get_contexts_by_execution(execution.id)
            if context.type == "node"
        ]
        if execution.last_known_state == mlmd.Execution.CACHED:
            cached.append(node)
        for event in store.get_events_by_execution_ids([execution.id]):
            if event.type == mlmd.Event.OUTPUT:
                [artifact] = store.get_artifacts_by_id([event.artifact_id])
                stages.setdefault(node, {})[event.path.steps[0].key] = artifact
    return stages, cached


def _mixtures(outputs: Outputs) -> str:
    """Return the folder of the mixtures, whether they were made or imported."""
    if "MixtureGen" in outputs:
        return storage.absolute(outputs["MixtureGen"]["examples"].uri)
    return storage.absolute(outputs["ImportMixtures"]["result"].uri)


def _property(artifact: Proto, name: str) -> Proto:
    return artifact.custom_properties[name]
