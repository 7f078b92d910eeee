"""Names of the stages of a compiled pipeline, as the settings of machines take them."""

from pipeline.config import PipelineConfig

INDEX = "Index"
"""The stage that reads the videos; there is none if the mixtures are given."""
MIXTURES = "MixtureGen"
"""The stage that makes mixtures; there is none if they are given."""

LATER_STAGES = (
    "RecordSchema",
    "StatisticsGen",
    "ExampleValidator",
    "DataGate",
    "Trainer",
    "Evaluator",
    "Pusher",
    "Report",
)
"""The stages of every pipeline, after the mixtures."""


def stage_names(config: PipelineConfig) -> list[str]:
    """Return the names of the stages that a configuration can have a machine for.

    The stages before the mixtures are always among them: a configuration with machines may be
    reused with the mixtures of another run.
    """
    analyses = [component_name(analysis.name) for analysis, _ in config.applicable_analyses]
    return [INDEX, MIXTURES, *LATER_STAGES, *analyses]


def component_name(analysis: str) -> str:
    """Return the name of an analysis's component: `ControlShift` for `control_shift`."""
    return "".join(word.capitalize() for word in analysis.split("_"))
