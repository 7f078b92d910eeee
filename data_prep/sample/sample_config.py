"""Settings of a rendered sample."""

from typing import Literal

from pydantic import Field

from data_prep.settings import Settings

MAX_CLASSES = 16

Colors = Literal["class", "scene"]
"""Whether a hue belongs to a class or to a scene."""


class SampleConfig(Settings):
    """A rendered sample; see `data_prep.sample.write.write_sample`.

    Attributes:
        clips: number of videos.
        classes: number of classes.
        colors: whether a hue belongs to a class or to a scene. In the latter case two scenes of a
            class, which sound alike, may differ in color, so that they can be separated.
    """

    clips: int = Field(96, ge=4, le=1_000_000)
    classes: int = Field(8, ge=2, le=MAX_CLASSES)
    colors: Colors = "class"
