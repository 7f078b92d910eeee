"""Settings of the control-shift analysis."""

from pydantic import Field, FiniteFloat

from data_prep.settings import Settings


class ControlShiftSettings(Settings):
    """Points and size of the curve.

    Attributes:
        shifts: seconds by which the audio is taken later than the video, or earlier if negative;
            one point of the curve each.
        mixtures: upper limit of the held-out mixtures that are analyzed, the first ones by name.
    """

    shifts: tuple[FiniteFloat, ...] = (-2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0)
    mixtures: int = Field(512, ge=1)
