"""The compiled pipeline as Vertex AI Pipelines takes it: one `PipelineJob`."""

from pipeline.cloud.cloud_config import StageConfig
from pipeline.cloud.compilation import Compiled, compile_pipeline
from pipeline.config import PipelineConfig


def compile_for_vertex(config: PipelineConfig) -> list[Compiled]:
    """Compile the pipeline, whose settings are complete for Vertex AI.

    Raises:
        UserError: the settings hold for runs on one machine alone.
    """
    return [compile_pipeline(config, _machine)]


def _machine(stage: StageConfig) -> Compiled:
    machine: Compiled = {"cpuLimit": stage.cpus, "memoryLimit": stage.memory_gb}
    if stage.gpus:
        machine["accelerator"] = {"type": stage.gpu_type, "count": str(stage.gpus)}
    return machine
