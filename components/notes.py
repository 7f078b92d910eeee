"""Explanations of the measures, for the page and the console.

Public name: `describe(measures)`.
"""

from collections.abc import Sequence

from models.measures import (
    ACCURACY,
    CONTROL_ACCURACY,
    LOSS,
    MIXED_ACCURACY,
    RELATIVE_LOSS,
    SCORE_ERROR,
    Measure,
)

_NOTES = {
    LOSS.name: "The loss is l(V1, Oi) + l(V2, Oj), with the outputs that the system's own loss "
    "assigns to V1 and V2; lower is better.",
    RELATIVE_LOSS.name: "Identity returns the mixture itself.",
    CONTROL_ACCURACY.name: "Control is accurate if the output chosen by the audio of V1 is closer "
    "to V1 than to V2; chance is 50 %.",
    SCORE_ERROR.name: "The score error is the difference between the scores and l(V1, Oi).",
    ACCURACY.name: "Accuracy on single videos is the share of V1 whose class is recognized.",
    MIXED_ACCURACY.name: "Accuracy on mixtures is the share of V1 whose class is recognized in "
    "the mixture.",
}


def describe(measures: Sequence[Measure]) -> str:
    """Explain measures in sentences; measures that need no explanation are left out."""
    return " ".join(_NOTES[measure.name] for measure in measures if measure.name in _NOTES)
