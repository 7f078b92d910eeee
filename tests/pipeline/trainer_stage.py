"""The Trainer of a pipeline, as TFX sees it."""

from pipeline.config import PipelineConfig
from pipeline.create import create_pipeline


def custom_config(config: PipelineConfig) -> str:
    """Return the JSON text of the Trainer's settings, which TFX's cache compares."""
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
    [trainer] = [stage for stage in pipeline.components if stage.id == "Trainer"]
    return trainer.exec_properties["custom_config"]
