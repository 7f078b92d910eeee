"""Compilation of the pipeline for Vertex AI and Kubeflow Pipelines v2, offline."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import UserError
from pipeline.config import PipelineConfig, VertexConfig
from pipeline.initial_model import forbid_local_model

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineDeploymentConfig


def compile_for_vertex(config: PipelineConfig, output: Path) -> Path:
    """Write the compiled pipeline, and beside it the records' schema.

    Before the pipeline runs, its image must hold this package, the schema must be at
    `ROOT/schema/schema.pbtxt`, and the manifests' spans in `vertex.manifests`.

    Args:
        config: the settings.
        output: a `.json` or `.yaml` file; replaced whole.

    Returns:
        The schema's file.

    Raises:
        UserError: the output has another suffix, or the settings hold for local runs alone.
    """
    if output.suffix not in (".json", ".yaml"):
        raise UserError(f"output: must be a .json or .yaml file, got {output}")
    forbid_local_model(config)
    from tfx import v1 as tfx

    from pipeline.create import create_pipeline, write_schema

    vertex = config.vertex
    pipeline = create_pipeline(
        config,
        root=f"{vertex.root}/artifacts",
        manifests=vertex.manifests,
        unfinished=f"{vertex.root}/unfinished",
        schema=f"{vertex.root}/schema/schema.pbtxt",
        checkpoints=f"{vertex.root}/checkpoints",
        serving=f"{vertex.serving}/{config.task.kind}",
        beam_args=list(vertex.beam_args) or ["--runner=DirectRunner"],
        trainer_platform=_training_machine(vertex) if vertex.gpus else None,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compile-") as folder:
        runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
            config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
                default_image=vertex.image
            ),
            output_dir=folder,
            output_filename=output.name,
        )
        runner.run(pipeline)
        Path(folder, output.name).replace(output)
    schema = output.with_name("schema.pbtxt")
    write_schema(str(schema))
    return schema


def _training_machine(
    vertex: VertexConfig,
) -> "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec":
    from kfp.pipeline_spec import pipeline_spec_pb2

    machine = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec()
    machine.accelerator.type = vertex.gpu_type
    machine.accelerator.count = vertex.gpus
    return machine
