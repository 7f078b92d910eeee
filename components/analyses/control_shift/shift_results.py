"""Settings and results of the control-shift analysis, and the curve from single choices."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import Field, FiniteFloat

from components.estimates import Estimate, mean_with_interval, over_seeds
from components.evaluation.class_slices import ONE_CLASS, in_order
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.results import Results
from data_prep.settings import Settings

NAME = "control_shift"

SILENT_AUDIO = "silent audio"
SAME_CLASS_AUDIO = "unrelated audio of V1's class"
UNRELATED_AUDIO = "unrelated audio"
"""Cues beside the shifted audio of V1: no audio; the audio of another mixture's V1, of V1's class;
and the same of a class that is neither V1's nor V2's, if there is one. In a mixture of one class,
the second has the timbre of both videos and the timing of neither, so the choice is by chance."""

Cue = float | str
"""A shift in seconds, `SILENT_AUDIO`, `SAME_CLASS_AUDIO` or `UNRELATED_AUDIO`."""

Choices = Mapping[Cue, Mapping[str, float]]
"""Cue -> mixture -> 1 if the chosen output is closer to V1 than to V2, else 0."""


class ControlShiftSettings(Settings):
    """Points and size of the curve.

    Attributes:
        shifts: seconds by which the audio is taken later than the video, or earlier if negative;
            one point of the curve each.
        mixtures: upper limit of the held-out mixtures that are analyzed, the first ones by name.
    """

    shifts: tuple[FiniteFloat, ...] = (-2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0)
    mixtures: int = Field(512, ge=1)


class CuePoint(Results):
    """Control accuracy with one cue.

    Attributes:
        mixtures: number of mixtures.
        control_accuracy: share of right choices in [0, 1]; None without mixtures.
    """

    mixtures: int
    control_accuracy: Estimate | None


class ShiftedPoint(CuePoint):
    """Control accuracy with V1's audio shifted.

    Attributes:
        seconds: how much later the audio is taken than the video.
    """

    seconds: float

    @property
    def label(self) -> str:
        """Name of the cue in tables."""
        return f"V1's audio, shifted by {self.seconds:+g} s"


class ShiftCurve(Results):
    """Control accuracy by cue over a set of mixtures.

    Attributes:
        mixtures: number of mixtures.
        shifts: the points of the curve, by seconds. A shift that would leave the video is left
            out for that mixture, so each point has its own number of mixtures.
        silent_audio: the point with silent audio.
        same_class_audio: the point with the audio of another mixture's V1 of the same class.
        unrelated_audio: the point with the audio of another mixture's V1 of another class.
    """

    mixtures: int
    shifts: tuple[ShiftedPoint, ...]
    silent_audio: CuePoint
    same_class_audio: CuePoint
    unrelated_audio: CuePoint

    @property
    def points(self) -> dict[str, CuePoint]:
        """Every point by the name of its cue, in the order of tables."""
        return {
            **{point.label: point for point in self.shifts},
            SILENT_AUDIO: self.silent_audio,
            SAME_CLASS_AUDIO: self.same_class_audio,
            UNRELATED_AUDIO: self.unrelated_audio,
        }


class ControlShiftResults(ShiftCurve):
    """Results of the control-shift analysis over all mixtures.

    Attributes:
        mixture_types: the curve of each mixture type.
        classes: the curves of `TWO_CLASSES` and `ONE_CLASS`, of those that there are mixtures of.
        unreadable: number of mixtures without shifts, because their video can no longer be read.
    """

    mixture_types: dict[str, ShiftCurve]
    classes: dict[str, ShiftCurve] = Field(default_factory=dict)
    unreadable: int = 0

    @property
    def parts(self) -> dict[str, ShiftCurve]:
        """The curves by classes; the whole under `""` if no mixture is known to be of one class."""
        return self.classes if ONE_CLASS in self.classes else {"": self}


def summarize(
    choices: Choices,
    shifts: Sequence[float],
    mixture_types: Mapping[str, str],
    classes: Mapping[str, str],
    *,
    unreadable: int = 0,
) -> ControlShiftResults:
    """Compute the curve over all mixtures, by mixture type and by classes.

    Args:
        choices: the model's choices.
        shifts: the points of the curve, seconds.
        mixture_types: mixture -> its type.
        classes: mixture -> `TWO_CLASSES`, `ONE_CLASS`, or empty if a class is unknown.
        unreadable: number of mixtures whose video can no longer be read.
    """

    def curves(groups: Mapping[str, str], names: Iterable[str]) -> dict[str, ShiftCurve]:
        members = {
            name: {mixture for mixture, own in groups.items() if own == name} for name in names
        }
        return {name: _curve(choices, shifts, found) for name, found in members.items() if found}

    return ControlShiftResults(
        **dict(_curve(choices, shifts, set(mixture_types))),
        mixture_types=curves(mixture_types, MIXTURE_TYPES),
        classes=curves(classes, in_order(set(classes.values()))),
        unreadable=unreadable,
    )


def _curve(choices: Choices, shifts: Sequence[float], mixtures: Collection[str]) -> ShiftCurve:
    def point(cue: Cue) -> CuePoint:
        values = [value for name, value in choices.get(cue, {}).items() if name in mixtures]
        accuracy = mean_with_interval(values, share=True)
        return CuePoint(mixtures=len(values), control_accuracy=accuracy)

    return ShiftCurve(
        mixtures=len(mixtures),
        shifts=tuple(ShiftedPoint(seconds=shift, **dict(point(shift))) for shift in shifts),
        silent_audio=point(SILENT_AUDIO),
        same_class_audio=point(SAME_CLASS_AUDIO),
        unrelated_audio=point(UNRELATED_AUDIO),
    )


def average(curves: Sequence[ShiftCurve]) -> dict[str, Estimate]:
    """Average the curves of several training seeds.

    Args:
        curves: the curve of each seed, all with the same shifts.

    Returns:
        Name of the cue -> control accuracy, where every seed has one.
    """
    labels = curves[0].points
    cells = {label: [curve.points[label].control_accuracy for curve in curves] for label in labels}
    return dict(over_seeds(cells))
