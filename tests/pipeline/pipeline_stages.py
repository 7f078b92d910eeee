"""The stages of a pipeline, as TFX sees them."""

from tfx.dsl.components.base.base_component import BaseComponent

from pipeline.config import PipelineConfig
from pipeline.create import create_pipeline


def custom_config(config: PipelineConfig) -> str:
    """Return the JSON text of the Trainer's settings, which TFX's cache compares."""
    return stage(config, "Trainer").exec_properties["custom_config"]


def stage(config: PipelineConfig, name: str) -> BaseComponent:
    """Return a stage of the pipeline."""
    pipeline = create_pipeline(
        config,
        root="root",
        manifests="manifests",
        manifest="manifest.csv@sha256:0",
        unfinished="unfinished",
        checkpoints="checkpoints",
        serving="serving",
        beam_args=[],
    )
    [found] = [component for component in pipeline.components if component.id == name]
    return found
