"""Evaluation settings, and the bounds that a model must keep to be pushed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import Field

from data_prep.settings import Settings

Slice = Literal["v1_label", "class_pair", "classes", "v1_height", "front"]
SLICES: tuple[Slice, ...] = get_args(Slice)
"""What the evaluation can be split by, beside the mixture type: features of the records, and
whether the two videos are of one class or of two (see `components.evaluation.class_slices`)."""

SLICE_NOTES: Mapping[str, str] = {
    "classes": "Whether the two videos are of one class or of two: in a mixture of one class, only "
    "the timing of the audio tells the target clip, and its timbre doesn't.",
    "front": "Which clip is in front of the other: a model that listens controls as well when the "
    "other clip is in front as when the target clip is, and one that takes what is in front does "
    "not.",
}
"""What the metrics by a feature show, where its name does not say it; one sentence each."""


@dataclass(frozen=True)
class Bound:
    """Limits of one measure, checked on every mixture type; each limit is optional.

    Attributes:
        at_most: upper limit.
        at_least: lower limit.
        above_last_by: largest excess over the last blessed model's value.
        below_last_by: largest shortfall from the last blessed model's value.
    """

    at_most: float | None = None
    at_least: float | None = None
    above_last_by: float | None = None
    below_last_by: float | None = None


class EvaluationSettings(Settings):
    """What is measured, and what a model must reach on every mixture type to be pushed.

    Attributes:
        slices: names in `SLICES`; everything is also measured for each of their values, and for
            `classes` also within each mixture type.
        relative_loss: upper limit of a separator's loss, relative to Identity's.
        worse_by: largest excess of its loss over the last blessed model's.
        control_accuracy: lower limit of the control accuracy, in [0, 1], of a system with control.
        control_worse_by: largest shortfall of its control accuracy from the last blessed model's.
        accuracy: lower limit of the classifier's accuracy on single videos, in [0, 1].
    """

    slices: tuple[Slice, ...] = SLICES
    relative_loss: float = Field(0.95, gt=0)
    worse_by: float = Field(0.01, ge=0)
    control_accuracy: float = Field(0.6, ge=0, le=1)
    control_worse_by: float = Field(0.05, ge=0)
    accuracy: float = Field(0.0, ge=0, le=1)
