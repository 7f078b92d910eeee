"""What ControlShift is asked for."""

from pydantic import Field, FiniteFloat

from data_prep.config import Settings


class ShiftConfig(Settings):
    """The points of the curve, and what it is over.

    Attributes:
        shifts: seconds by which the sound is taken later (or, below 0, earlier) than the picture.
        mixtures: held-out mixtures at most, the first ones by name.
        seed: decides whose sound a stranger's is.
    """

    shifts: tuple[FiniteFloat, ...]
    mixtures: int = Field(512, ge=1)
    seed: int = Field(0, ge=0)
