"""Settings and results of the control-shift analysis, and the curve from single choices."""

from collections.abc import Collection, Mapping, Sequence

from pydantic import Field, FiniteFloat

from components.estimates import Estimate, mean_with_interval, over_seeds
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.results import Results
from data_prep.settings import Settings

NAME = "control_shift"

SILENT_AUDIO, UNRELATED_AUDIO = "silent audio", "unrelated audio"
"""Cues beside the shifted audio of V1: no audio, and the audio of another mixture's V1."""

Cue = float | str
"""A shift in seconds, `SILENT_AUDIO` or `UNRELATED_AUDIO`."""

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
        unrelated_audio: the point with the audio of another mixture's V1.
    """

    mixtures: int
    shifts: tuple[ShiftedPoint, ...]
    silent_audio: CuePoint
    unrelated_audio: CuePoint

    @property
    def points(self) -> dict[str, CuePoint]:
        """Every point by the name of its cue, in the order of tables."""
        return {
            **{point.label: point for point in self.shifts},
            SILENT_AUDIO: self.silent_audio,
            UNRELATED_AUDIO: self.unrelated_audio,
        }


class ControlShiftResults(ShiftCurve):
    """Results of the control-shift analysis over all mixtures.

    Attributes:
        mixture_types: the curve of each mixture type.
        unreadable: number of mixtures without shifts, because their video can no longer be read.
    """

    mixture_types: dict[str, ShiftCurve]
    unreadable: int = 0


def summarize(
    choices: Choices,
    shifts: Sequence[float],
    mixture_types: Mapping[str, str],
    *,
    unreadable: int = 0,
) -> ControlShiftResults:
    """Compute the curve over all mixtures and by mixture type.

    Args:
        choices: the model's choices.
        shifts: the points of the curve, seconds.
        mixture_types: mixture -> its type.
        unreadable: number of mixtures whose video can no longer be read.
    """
    whole = _curve(choices, shifts, set(mixture_types))
    by_type = {
        name: _curve(choices, shifts, mixtures)
        for name in MIXTURE_TYPES
        if (mixtures := {mixture for mixture, own in mixture_types.items() if own == name})
    }
    return ControlShiftResults(
        mixtures=whole.mixtures,
        shifts=whole.shifts,
        silent_audio=whole.silent_audio,
        unrelated_audio=whole.unrelated_audio,
        mixture_types=by_type,
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
