"""The compiled pipeline as Kubeflow Pipelines takes it: its specification, and Kubernetes' part."""

from typing import Any

from pipeline.cloud.cloud_config import StageConfig
from pipeline.cloud.compilation import Compiled, compile_pipeline
from pipeline.config import PipelineConfig

_RETRY_HOURS = 30 * 24
"""Argo ends even a running attempt when they have passed, so they are more than any stage takes."""
_SPOT = {"cloud.google.com/gke-spot": "true"}


def compile_for_kubeflow(config: PipelineConfig) -> list[Compiled]:
    """Compile the pipeline, whose settings are complete for Kubeflow.

    Returns:
        The `PipelineSpec`; and, if a stage needs it, the `PlatformSpec` with the labels of nodes
        and time limits.

    Raises:
        UserError: the settings hold for runs on one machine alone.
    """
    spec = compile_pipeline(config, _machine, retry_hours=_RETRY_HOURS)["pipelineSpec"]
    spec["defaultPipelineRoot"] = f"{config.cloud.root}/artifacts"
    executors = {}
    for name in spec["root"]["dag"]["tasks"]:
        if pod := _pod(config.cloud.stage(name)):
            executors[spec["components"][name]["executorLabel"]] = pod
    if not executors:
        return [spec]
    return [spec, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}]


def _machine(stage: StageConfig) -> Compiled:
    """Return the resources, in the fields of installations old and new."""
    machine: Compiled = {
        "cpuLimit": stage.cpus,
        "cpuRequest": stage.cpus,
        "memoryLimit": stage.memory_gb,
        "memoryRequest": stage.memory_gb,
        "resourceCpuLimit": f"{stage.cpus:g}",
        "resourceCpuRequest": f"{stage.cpus:g}",
        "resourceMemoryLimit": f"{stage.memory_gb:g}G",
        "resourceMemoryRequest": f"{stage.memory_gb:g}G",
    }
    if stage.gpus:
        count = str(stage.gpus)
        machine["accelerator"] = {
            "type": stage.gpu_type,
            "count": count,
            "resourceType": stage.gpu_type,
            "resourceCount": count,
        }
    return machine


def _pod(stage: StageConfig) -> dict[str, Any]:
    """Return what Kubernetes is told about a stage beside its container."""
    labels = {**stage.node_labels, **(_SPOT if stage.spot else {})}
    pod: dict[str, Any] = {}
    if labels:
        pod["nodeSelector"] = {"labels": labels}
    if stage.spot:
        pod["tolerations"] = [
            {"key": name, "operator": "Equal", "value": value, "effect": "NoSchedule"}
            for name, value in _SPOT.items()
        ]
    if stage.timeout_hours:
        pod["activeDeadlineSeconds"] = str(round(3600 * stage.timeout_hours))
    return pod
