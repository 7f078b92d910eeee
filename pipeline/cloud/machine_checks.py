"""Checks of the machines that stages, training jobs and Dataflow ask for."""

from collections.abc import Iterable, Mapping

from data_prep.errors import UserError
from models.presets import get_preset
from models.training.device_rules import check_devices
from pipeline.cloud.cloud_config import DEFAULT_STAGE, StageConfig, TrainingJobConfig
from pipeline.cloud.rules import KUBERNETES_RESOURCE, MACHINE_TYPE, require_form
from pipeline.cloud.stage_names import TRAINER, stage_names
from pipeline.config import PipelineConfig

_INSTEAD = {
    "spot": "a training job's machines can be spot: cloud.vertex.training.spot",
    "timeout_hours": "a training job has a limit: cloud.vertex.training.timeout_hours",
    "node_labels": "Vertex AI chooses a machine by cpus, memory_gb and gpu_type",
}
"""Setting of a stage that only Kubeflow has -> what to use on Vertex AI."""


def check_stages(stages: Mapping[str, StageConfig]) -> None:
    """Check that every entry of `cloud.stages` names a stage and a complete machine.

    Raises:
        UserError: an entry doesn't.
    """
    known = [DEFAULT_STAGE, *stage_names()]
    for name, stage in stages.items():
        if name not in known:
            raise UserError(f"cloud.stages: must be among {', '.join(known)}, got {name!r}")
        key = f"cloud.stages.{name}"
        if stage.gpus and not stage.gpu_type:
            raise UserError(f"{key}.gpu_type: must be given with gpus: {stage.gpus}, got ''")
        if stage.gpu_type and not stage.gpus:
            raise UserError(f"{key}.gpus: must be at least 1 with a gpu_type, got 0")


def check_stages_for_vertex(stages: Mapping[str, StageConfig]) -> None:
    """Check that Vertex AI can give the stages what they ask for.

    Raises:
        UserError: a setting has no effect there, or a type of GPU is unknown.
    """
    for name, stage in stages.items():
        for setting, instead in _INSTEAD.items():
            if value := getattr(stage, setting):
                raise UserError(
                    f"cloud.stages.{name}.{setting}: must be unset for Vertex AI, got {value}; "
                    f"{instead}"
                )
    types = {f"cloud.stages.{name}.gpu_type": stage.gpu_type for name, stage in stages.items()}
    check_accelerators(types)


def check_stages_for_kubeflow(stages: Mapping[str, StageConfig]) -> None:
    """Check that the types of GPUs are names of Kubernetes' resources.

    Raises:
        UserError: one isn't.
    """
    rule = "the name of a Kubernetes resource such as nvidia.com/gpu"
    for name, stage in stages.items():
        require_form(f"cloud.stages.{name}.gpu_type", stage.gpu_type, KUBERNETES_RESOURCE, rule)


def check_training_job(job: TrainingJobConfig) -> None:
    """Check the machines of a training job.

    Raises:
        UserError: a type is unknown, or its settings contradict each other.
    """
    key = "cloud.vertex.training"
    if job.gpus and not job.gpu_types:
        raise UserError(f"{key}.gpu_types: must name a type with gpus: {job.gpus}, got none")
    if not job.gpus and "gpu_types" in job.model_fields_set and job.gpu_types:
        raise UserError(f"{key}.gpus: must be at least 1 with gpu_types, got 0")
    if len(set(job.gpu_types)) < len(job.gpu_types):
        raise UserError(f"{key}.gpu_types: must differ, got {', '.join(job.gpu_types)}")
    for name in job.machine_types:
        if name not in job.gpu_types:
            raise UserError(f"{key}.machine_types: must be for gpu_types alone, got {name!r}")
    machines = {f"{key}.machine_types.{name}": type_ for name, type_ in job.machine_types.items()}
    check_machine_types({f"{key}.machine_type": job.machine_type, **machines})
    if job.gpus:
        check_accelerators({f"{key}.gpu_types": name for name in job.gpu_types})


def check_training_devices(config: PipelineConfig, job: TrainingJobConfig | None) -> None:
    """Check that the system can be trained on the devices that are asked for.

    Args:
        config: the settings.
        job: the training job; None if the stage Trainer itself trains.

    Raises:
        UserError: it cannot.
    """
    devices = max(config.cloud.stage(TRAINER).gpus, 1)
    if job is not None:
        devices = job.workers * max(job.gpus, 1)
    batch = config.train.batch or get_preset(config.model.preset).batch
    check_devices(config.train, batch, devices)


def check_machine_types(machines: Mapping[str, str]) -> None:
    """Check names of Google Cloud's machines.

    Args:
        machines: setting -> its value.

    Raises:
        UserError: one is no such name.
    """
    for key, name in machines.items():
        if not MACHINE_TYPE.fullmatch(name):
            raise UserError(f"{key}: must be a machine type such as n2-standard-8, got {name!r}")


def check_accelerators(types: Mapping[str, str]) -> None:
    """Check names of GPUs against the types that Vertex AI has.

    Args:
        types: setting -> its value, which may be empty.

    Raises:
        UserError: one is unknown.
    """
    given = {key: name for key, name in types.items() if name}
    if not given:
        return  # loading the names takes seconds
    known = accelerators()
    for key, name in given.items():
        if name not in known:
            raise UserError(f"{key}: must be one of {_listed(known)}, got {name!r}")


def accelerators() -> list[str]:
    """Return the names of the GPUs that Vertex AI has."""
    from google.cloud.aiplatform_v1.types import AcceleratorType

    return [name for name in AcceleratorType.__members__ if name.startswith("NVIDIA_")]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
