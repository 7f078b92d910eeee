"""Names of the stages of a compiled pipeline, as the settings of machines take them."""

from components.analyses.registry import ANALYSES

INDEX = "Index"
"""The stage that reads the videos; there is none if the mixtures are given."""
MIXTURES = "MixtureGen"
"""The stage that makes mixtures; there is none if they are given."""

TRAINER = "Trainer"

LATER_STAGES = (
    "RecordSchema",
    "StatisticsGen",
    "ExampleValidator",
    "DataGate",
    TRAINER,
    "Evaluator",
    "Pusher",
    "Report",
)
"""The stages of every pipeline, after the mixtures."""


def stage_names() -> list[str]:
    """Return the names of the stages that a configuration can have a machine for.

    Some of them may not be in a pipeline: a configuration with machines may be used with the
    mixtures of another run, or with a system to which an analysis does not apply.
    """
    return [INDEX, MIXTURES, *LATER_STAGES, *map(component_name, ANALYSES)]


def component_name(analysis: str) -> str:
    """Return the name of an analysis's component: `ControlShift` for `control_shift`."""
    return "".join(word.capitalize() for word in analysis.split("_"))
