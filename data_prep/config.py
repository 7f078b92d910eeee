"""The settings that decide which mixtures a set of videos becomes."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_prep.errors import UserError

MAX_SEED = 2**32 - 1
"""Every library that draws numbers takes it, and a record holds it."""
MAX_ROWS = 65_500
"""Of a JPEG, as which a record holds a clip: its frames below each other."""

SettingsT = TypeVar("SettingsT", bound="Settings")


class Settings(BaseModel):
    """Base of every settings class: immutable; an unknown or ill-typed key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClipConfig(Settings):
    """The shape of a clip: a window of a video, cut to one size and rate, with its sound.

    The defaults are the papers': 64 frames at 25 fps (2.56 s), the shorter side scaled to 128
    pixels, a 112x112 crop, mono sound at 16 kHz.
    """

    frames: int = Field(64, ge=2)
    fps: float = Field(25.0, gt=0, le=120)
    height: int = Field(112, ge=8)
    width: int = Field(112, ge=8)
    short_side: int = Field(128, ge=8)
    sample_rate: int = Field(16_000, ge=1_000, le=192_000)

    @model_validator(mode="after")
    def _crop_fits(self):
        if self.short_side < max(self.height, self.width):
            raise ValueError(
                f"short_side must be at least height and width, so that the crop fits: "
                f"received short_side={self.short_side}, height={self.height}, width={self.width}"
            )
        return self

    @model_validator(mode="after")
    def _strip_fits(self):
        if self.frames * self.height > MAX_ROWS:
            raise ValueError(
                f"frames times height must be at most {MAX_ROWS}, the rows of a JPEG: received "
                f"frames={self.frames}, height={self.height}"
            )
        return self

    @property
    def seconds(self) -> float:
        """Length of the window in seconds."""
        return self.frames / self.fps

    @property
    def samples(self) -> int:
        """Sound samples in the window."""
        return round(self.seconds * self.sample_rate)


def clip_of_model(video: Sequence[int | None], told: Mapping[str, float], where: str) -> ClipConfig:
    """Put together the shape of the clips that a served model takes.

    Args:
        video: the shape of its input `video`, `[B, T, H, W, 3]`.
        told: what its signature `clip` tells beside: `fps`, `sample_rate`, `short_side`.
        where: which model; errors begin with it.

    Raises:
        UserError: these make no clip.
    """
    _, frames, height, width, _ = video
    # The rate travels as float32, in which 29.97 is 29.9699993: the shortest number that is it.
    fps = float(str(np.float32(told["fps"])))
    values = {"frames": frames, "height": height, "width": width, **told, "fps": fps}
    return load(ClipConfig, values, where)


class DataConfig(Settings):
    """How videos are split, paired and mixed. The same settings and videos give the same records.

    Attributes:
        clip: the shape of every clip.
        train_mixtures: mixtures to draw from the videos of the train split.
        eval_mixtures: mixtures to draw from the videos of the eval split.
        occlusion_share: share of occlusions in [0, 1]; the rest are transparencies.
        distinct_labels: whether the two clips of a mixture must be of different classes, where
            there are several; with few classes many pairs would else look and sound alike.
        segments: SLIC supervoxels asked for in an occlusion.
        eval_fraction: share of source videos held out for eval, where annotations name no split.
        records_per_shard: at most so many records in one TFRecord file.
        seed: decides splits, pairs, windows, crops and masks.
    """

    clip: ClipConfig = ClipConfig()
    train_mixtures: int = Field(1_000, ge=1)
    eval_mixtures: int = Field(200, ge=1)
    occlusion_share: float = Field(0.5, ge=0, le=1)
    distinct_labels: bool = False
    segments: int = Field(10, ge=2)
    eval_fraction: float = Field(0.1, gt=0, lt=1)
    records_per_shard: int = Field(256, ge=1)
    seed: int = Field(0, ge=0, le=MAX_SEED)


def load(cls: type[SettingsT], mapping: object, where: str) -> SettingsT:
    """Validates a mapping of settings.

    Args:
        cls: the settings' class.
        mapping: keys and values, as read from YAML.
        where: what the settings are or where they come from; errors begin with it.

    Raises:
        UserError: `WHERE: KEY: rule, received VALUE`, for every wrong key.
    """
    if not isinstance(mapping, Mapping):
        raise UserError(f"{where}: settings must be keys and values, received {mapping!r}")
    try:
        return cls.model_validate(dict(mapping))
    except ValidationError as error:
        problems = "; ".join(_problem(item) for item in error.errors())
        raise UserError(f"{where}: {problems}") from error


def _problem(item: dict) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if item["type"] == "value_error":  # raised by a validator of ours, in our own words
        return ": ".join(filter(None, (key, str(item["ctx"]["error"]))))
    return f"{key}: {item['msg']}, received {item['input']!r}"
