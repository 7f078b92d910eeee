"""Settings and a small compiled pipeline for the tests of platforms."""

from typing import Any

from pipeline.config import PipelineConfig, load_config

COMMON = (
    "cloud.image=registry.example/layered-video:1.4",
    "cloud.root=gs://my-bucket/layered-video",
    "cloud.videos=gs://my-bucket/videos",
)
VERTEX = (*COMMON, "cloud.vertex.project=my-project", "cloud.vertex.region=us-central1")
KUBEFLOW = (*COMMON, "cloud.kubeflow.endpoint=http://localhost:8888")


def vertex_config(*overrides: str) -> PipelineConfig:
    return load_config("demo", (*VERTEX, *overrides))


def kubeflow_config(*overrides: str) -> PipelineConfig:
    return load_config("demo", (*KUBEFLOW, *overrides))


def command_line(overrides: tuple[str, ...]) -> str:
    """Return the words of settings on a command line."""
    return " ".join(f"--set {override}" for override in overrides)


def pipeline_spec() -> dict[str, Any]:
    """Return a pipeline of three stages in a row."""
    names = ("Index", "MixtureGen", "Trainer")
    tasks = {
        name: {
            "taskInfo": {"name": name},
            "componentRef": {"name": name},
            **({"dependentTasks": [before]} if before else {}),
        }
        for before, name in zip((None, *names), names, strict=False)
    }
    container = {"image": "registry.example/layered-video:1.4", "command": ["python"]}
    return {
        "pipelineInfo": {"name": "controlled-separator"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.16.0",
        "deploymentSpec": {
            "executors": {f"{name}_executor": {"container": container} for name in names}
        },
        "components": {name: {"executorLabel": f"{name}_executor"} for name in names},
        "root": {"dag": {"tasks": tasks}},
    }


def compiled_for_vertex() -> list[dict[str, Any]]:
    return [
        {
            "displayName": "controlled-separator",
            "labels": {"tfx_version": "1-16-0"},
            "runtimeConfig": {"gcsOutputDirectory": "gs://my-bucket/layered-video/artifacts"},
            "pipelineSpec": pipeline_spec(),
        }
    ]


def compiled_for_kubeflow(*, platform: bool = False) -> list[dict[str, Any]]:
    spec = {**pipeline_spec(), "defaultPipelineRoot": "gs://my-bucket/layered-video/artifacts"}
    pod = {"nodeSelector": {"labels": {"disk": "ssd"}}}
    kubernetes = {"deploymentSpec": {"executors": {"Trainer_executor": pod}}}
    return [spec, {"platforms": {"kubernetes": kubernetes}}] if platform else [spec]
