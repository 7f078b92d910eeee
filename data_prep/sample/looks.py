"""How the scenes of a class look."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """What the scenes of a class have in common to the eye.

    Attributes:
        hue: in [0, 1), of all colors; None if it differs between scenes.
        texture: name of the background's texture in `TEXTURES`.
        angle: of the texture, in radians.
        frequency: of the texture, in cycles per frame height.
        shape: name of the objects' shape in `SIGNED_DISTANCE`.
        motion: how they move, a name in `MOTIONS`.
        classes: number of classes and of hues; a hue varies by less than the distance to the next.
    """

    hue: float | None
    texture: str
    angle: float
    frequency: float
    shape: str
    motion: str
    classes: int
