"""A training job as Vertex AI's API takes it."""

from collections.abc import Sequence
from typing import Any

from components.training.job_config import TrainingJob

_SECONDS = 3600


def job_spec(job: TrainingJob, name: str, gpu_type: str, command: Sequence[str]) -> dict[str, Any]:
    """Return a `CustomJob` as a dict.

    The first pool is one machine, the chief; the others are the second pool. Vertex AI tells every
    container which one it is in `TF_CONFIG`. All run the same command.

    Args:
        job: the job's settings.
        name: its display name.
        gpu_type: the type of its GPUs; empty for none.
        command: the command of all containers.
    """
    config = job.config
    machine: dict[str, Any] = {"machine_type": config.machine(gpu_type)}
    if gpu_type:
        machine |= {"accelerator_type": gpu_type, "accelerator_count": config.gpus}
    pool = {
        "machine_spec": machine,
        "disk_spec": {"boot_disk_size_gb": config.disk_gb},
        "container_spec": {"image_uri": job.image, "command": list(command)},
    }
    counts = [1, config.workers - 1] if config.workers > 1 else [1]
    spec: dict[str, Any] = {
        "worker_pool_specs": [{**pool, "replica_count": count} for count in counts],
        "scheduling": {
            "timeout": f"{config.timeout_hours * _SECONDS:.0f}s",
            # Workers cannot join a training that is under way; all resume at the last checkpoint.
            "restart_job_on_worker_restart": config.workers > 1,
            "strategy": "SPOT" if config.spot else "STANDARD",
        },
    }
    if job.service_account:
        spec["service_account"] = job.service_account
    if job.network:
        spec["network"] = job.network
    made: dict[str, Any] = {"display_name": name, "labels": job.labels, "job_spec": spec}
    if job.encryption_key:
        made["encryption_spec"] = {"kms_key_name": job.encryption_key}
    return made
