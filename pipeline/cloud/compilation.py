"""Compilation of the pipeline for Vertex AI and Kubeflow Pipelines, offline.

TFX compiles the stages, in the dialect that both platforms read (schema 2.1). What it cannot say is
added afterwards: machines, retries, and that the index is never taken from a cache.

A submission is compiled for itself, with its data seed, steps and places in it, because TFX has no
parameters of a run for values inside of settings. What is found out in the run, the span, is a
parameter between stages.
"""

from collections.abc import Callable, Mapping
from typing import Any

from components.training.job_config import TrainingJob
from pipeline.cloud.cloud_config import CloudConfig, StageConfig
from pipeline.cloud.dataflow import beam_args_of
from pipeline.cloud.stage_names import INDEX
from pipeline.config import PipelineConfig
from pipeline.initial_model import forbid_local_model

Compiled = dict[str, Any]
"""A compiled pipeline, as JSON holds it."""
MachineOf = Callable[[StageConfig], Compiled]

_BACKOFF = {"backoffDuration": "30s", "backoffFactor": 2}


def compile_pipeline(
    config: PipelineConfig,
    machine_of: MachineOf,
    *,
    retry_hours: int,
    training_job: TrainingJob | None = None,
) -> Compiled:
    """Compile the pipeline.

    Args:
        config: the settings, which are complete for the platform.
        machine_of: function of a stage's settings to the `resources` of its container.
        retry_hours: hours after the start of its first attempt in which a stage is tried again.
        training_job: the job of Vertex AI that the stage Trainer starts, if it does.

    Returns:
        A `PipelineJob`: `displayName`, `labels`, `runtimeConfig` and `pipelineSpec`.

    Raises:
        UserError: the settings hold for runs on one machine alone.
    """
    forbid_local_model(config)
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
        KubeflowV2DagRunner,
        KubeflowV2DagRunnerConfig,
    )

    from components.index.index_settings import IndexSettings
    from pipeline.create import create_pipeline

    cloud = config.cloud
    pipeline = create_pipeline(
        config,
        root=f"{cloud.root}/artifacts",
        manifests=cloud.manifests,
        manifest=IndexSettings(
            videos=cloud.videos,
            annotations=cloud.annotations,
            manifests=cloud.manifests,
            data=config.data,
            decode=not cloud.check_packets,
            beam_args=tuple(beam_args_of(cloud, INDEX)),
        ),
        unfinished=f"{cloud.root}/unfinished",
        checkpoints=f"{cloud.root}/checkpoints",
        serving=f"{cloud.models}/{config.task.kind}",
        beam_args=[],
        webhook=config.webhook,
        training_job=training_job,
    )
    runner = KubeflowV2DagRunner(
        config=KubeflowV2DagRunnerConfig(default_image=cloud.image, use_pipeline_spec_2_1=True)
    )
    compiled = runner.run(pipeline, write_out=False)
    compiled["labels"] |= cloud.labels
    _complete(compiled["pipelineSpec"], cloud, machine_of, f"{3600 * retry_hours}s")
    return compiled


def _complete(spec: Compiled, cloud: CloudConfig, machine_of: MachineOf, window: str) -> None:
    executors = spec["deploymentSpec"]["executors"]
    for name, task in spec["root"]["dag"]["tasks"].items():
        stage = cloud.stage(name)
        if stage.retries:
            policy = {"maxRetryCount": stage.retries, "backoffMaxDuration": window}
            task["retryPolicy"] = {**policy, **_BACKOFF}
        if name == INDEX:
            task.pop("cachingOptions", None)  # the videos may have changed
        _name_producers(task.get("inputs", {}).get("parameters", {}))
        executor = executors[spec["components"][name]["executorLabel"]]
        if "container" in executor:
            executor["container"]["resources"] = machine_of(stage)
            executor["container"]["args"] += beam_args_of(cloud, name)


def _name_producers(parameters: Mapping[str, Compiled]) -> None:
    """Give the stages that parameters come from the names of their tasks.

    TFX appends `_task` to them, which no task is called.
    """
    for parameter in parameters.values():
        if output := parameter.get("taskOutputParameter"):
            output["producerTask"] = output["producerTask"].removesuffix("_task")
