"""From single choices to the curve, on plain values."""

from collections.abc import Mapping, Sequence

from components.analyses.artifact import mean_with_interval
from components.analyses.control_shift import OTHER_SOUNDS
from components.analyses.control_shift.control_audio import Point
from data_prep.mixing.pairing import MIXTURE_TYPES

Choices = Mapping[Point, Mapping[str, float]]
"""Point -> mixture -> 1 where the chosen output is nearer to V1 than to V2, else 0."""


def summarise(choices: Choices, shifts: Sequence[float], mixture_types: Mapping[str, str]) -> dict:
    """Compute the curve, over all mixtures and by mixture type.

    Args:
        choices: what was chosen.
        shifts: the points of the curve, seconds.
        mixture_types: mixture -> its type.

    Returns:
        `mixtures`: how many there are; `shifts`: `seconds` and a point of each shift; `silence`
        and `stranger`: a point each; `mixture_types`: type -> the same four. A point is
        `mixtures`, `control_accuracy` and `control_accuracy_interval`, null where it is over no
        mixture.
    """
    by_type = {
        mixture_type: _curve(choices, shifts, names)
        for mixture_type in MIXTURE_TYPES
        if (names := {name for name, its in mixture_types.items() if its == mixture_type})
    }
    return {**_curve(choices, shifts, set(mixture_types)), "mixture_types": by_type}


def _curve(choices: Choices, shifts: Sequence[float], names: set[str]) -> dict:
    def point(key: Point) -> dict:
        values = [value for name, value in choices.get(key, {}).items() if name in names]
        return {"mixtures": len(values), **mean_with_interval("control_accuracy", values)}

    return {
        "mixtures": len(names),
        "shifts": [{"seconds": shift, **point(shift)} for shift in shifts],
        **{key: point(key) for key in OTHER_SOUNDS},
    }
