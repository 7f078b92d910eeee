"""The compiled pipeline as Vertex AI Pipelines takes it: one `PipelineJob`."""

from components.training.job_config import TrainingJob
from pipeline.cloud.cloud_config import CloudConfig, StageConfig
from pipeline.cloud.compilation import Compiled, compile_pipeline
from pipeline.config import PipelineConfig

_RETRY_HOURS = 1  # Vertex AI takes no more


def compile_for_vertex(config: PipelineConfig) -> list[Compiled]:
    """Compile the pipeline, whose settings are complete for Vertex AI.

    Raises:
        UserError: the settings hold for runs on one machine alone.
    """
    job = _training_job(config.cloud)
    return [compile_pipeline(config, _machine, retry_hours=_RETRY_HOURS, training_job=job)]


def _training_job(cloud: CloudConfig) -> TrainingJob | None:
    vertex = cloud.vertex
    if vertex.training is None:
        return None
    return TrainingJob(
        config=vertex.training,
        project=vertex.project,
        region=vertex.region,
        image=cloud.image,
        endpoint=vertex.endpoint,
        service_account=vertex.service_account,
        network=vertex.network,
        encryption_key=vertex.encryption_key,
        labels=dict(cloud.labels),
    )


def _machine(stage: StageConfig) -> Compiled:
    machine: Compiled = {"cpuLimit": stage.cpus, "memoryLimit": stage.memory_gb}
    if stage.gpus:
        machine["accelerator"] = {"type": stage.gpu_type, "count": str(stage.gpus)}
    return machine
