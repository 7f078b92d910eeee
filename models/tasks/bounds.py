"""Evaluation settings, and the bounds that a model must keep to be pushed."""

from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import Field

from data_prep.settings import Settings

Slice = Literal["v1_label", "class_pair", "v1_height", "front"]
SLICES: tuple[Slice, ...] = get_args(Slice)
"""Features of the records by which the evaluation can be split, beside the mixture type.

Control accuracy by `front` shows whether a model takes the clip in front instead of listening.
"""


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
        slices: record features; everything is also measured for each of their values.
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
