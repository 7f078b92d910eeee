"""Settings that decide which mixtures a set of videos becomes."""

import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.settings import MAX_SEED, Settings, load
from data_prep.splits import EVAL, TRAIN

MAX_ROWS = 65_500
"""Rows that a JPEG can have; a record stores a clip's frames below each other in one JPEG."""
MAX_CLIP_PIXELS = 2**28
"""Pixels of a clip; a mixture of two such clips takes several GB of memory."""
MAX_SECONDS = 600.0
"""Length of a clip; a record holds its audio uncompressed."""
MAX_SIDE = 16_384
"""Pixels of a side, as many as H.264 can have."""
MAX_MIXTURES = 10_000_000
"""Mixtures of a split."""


_FILES = 32  # of a split, unless they would have fewer or more records than these
_LEAST_IN_FILE, _MOST_IN_FILE = 8, 256


class ClipConfig(Settings):
    """Shape of a clip: a window of a video, at one size and rate, with its audio.

    The defaults are the papers': 64 frames at 25 fps (2.56 s), the shorter side scaled to 128
    pixels, a 112x112 crop, mono audio at 16 kHz.
    """

    frames: int = Field(64, ge=2, le=10_000_000)
    fps: float = Field(25.0, ge=0.01, le=120)
    height: int = Field(112, ge=8, le=MAX_SIDE)
    width: int = Field(112, ge=8, le=MAX_SIDE)
    short_side: int = Field(128, ge=8, le=MAX_SIDE)
    sample_rate: int = Field(16_000, ge=1_000, le=192_000)

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.short_side < max(self.height, self.width):
            raise ValueError(
                f"short_side must be at least height and width, so that the crop fits, got "
                f"short_side={self.short_side}, height={self.height}, width={self.width}"
            )
        return self

    @property
    def seconds(self) -> float:
        """Length of the window in seconds."""
        return self.frames / self.fps

    @property
    def samples(self) -> int:
        """Audio samples in the window."""
        return round(self.seconds * self.sample_rate)


def clip_of_model(
    video: Sequence[int | None], description: Mapping[str, float], where: str
) -> ClipConfig:
    """Return the shape of the clips that a served model takes.

    Args:
        video: shape of the model's input `video`, `[B, T, H, W, 3]`.
        description: `fps`, `sample_rate` and `short_side` from the model's signature
            `description`.
        where: which model; error messages begin with it.

    Raises:
        UserError: these values describe no valid clip.
    """
    _, frames, height, width, _ = video
    # The rate travels as float32, in which 29.97 is 29.9699993; str gives the shortest match.
    fps = float(str(np.float32(description["fps"])))
    values = {"frames": frames, "height": height, "width": width, **description, "fps": fps}
    return load(ClipConfig, values, where)


class DataConfig(Settings):
    """How videos are split, paired and mixed. The same settings and videos give the same records.

    Attributes:
        clip: shape of every clip.
        margin: pixels by which recorded frames are higher and wider than `clip`. Training reads
            a random crop every time; everything else reads the center.
        train_mixtures: mixtures to draw from the videos of the train split.
        eval_mixtures: mixtures to draw from the videos of the eval split.
        shares: share of each mixture type in [0, 1], by its name in `MIXTURE_TYPES`; they sum
            to 1.
        same_label_share: share of the mixtures whose two videos are of one class, in [0, 1], the
            same for every mixture type; all others show two classes. In a mixture of one class,
            only the timing of the audio tells which video it belongs to. A video without a
            suitable partner gets any other one. None pairs videos whatever their classes.
        segments: SLIC supervoxels requested for an occlusion.
        eval_fraction: share of source videos held out for eval if annotations name no split.
        min_loudness: loudness in dBFS (RMS) below which a video, and a clip, counts as silent.
        max_dropped_share: largest share of a split's mixtures that may be lost to videos that
            cannot be read; a data set that loses more is an error.
        records_per_shard: maximum number of records in one TFRecord file. None for 256, or fewer if
            a split would have less than 32 files, which several workers share better.
        decode_seconds: time after which a window counts as one that cannot be decoded, if the
            decoder hangs. A busy machine must not reach it with a good video.
        decode_bytes: memory that the decoder may take for a window.
        split_seed: decides which sources are held out. Another seed makes videos that a model has
            learned from part of its test.
        seed: decides pairs, windows, crops and masks.
    """

    clip: ClipConfig = ClipConfig()
    margin: int = Field(0, ge=0, le=MAX_SIDE)
    train_mixtures: int = Field(1_000, ge=1, le=MAX_MIXTURES)
    eval_mixtures: int = Field(200, ge=1, le=MAX_MIXTURES)
    shares: dict[str, float] = Field({"transparency": 0.5, "occlusion": 0.5}, validate_default=True)
    same_label_share: float | None = Field(None, ge=0, le=1)
    segments: int = Field(10, ge=2, le=10_000)
    eval_fraction: float = Field(0.1, gt=0, lt=1)
    min_loudness: float = Field(-60.0, ge=-120, le=0)
    max_dropped_share: float = Field(0.05, ge=0, le=1)
    records_per_shard: int | None = Field(None, ge=1, le=1_000_000)
    decode_seconds: float = Field(300.0, ge=1, le=86_400)
    decode_bytes: int = Field(2**31, ge=2**27, le=2**40)
    split_seed: int = Field(0, ge=0, le=MAX_SEED)
    seed: int = Field(0, ge=0, le=MAX_SEED)

    def mixtures_of(self, split: str) -> int:
        """Return the number of mixtures of a split."""
        return {TRAIN: self.train_mixtures, EVAL: self.eval_mixtures}[split]

    def shard_size_of(self, split: str) -> int:
        """Return the number of records in each file of a split but the last."""
        even = math.ceil(self.mixtures_of(split) / _FILES)
        return self.records_per_shard or min(max(even, _LEAST_IN_FILE), _MOST_IN_FILE)

    @property
    def recorded_clip(self) -> ClipConfig:
        """Shape of the clips as they are recorded, with their margin."""
        return _enlarged(self.clip, self.margin)

    @field_validator("clip")
    @classmethod
    def _record_holds(cls, clip: ClipConfig) -> ClipConfig:
        _require_recordable(clip)
        if clip.seconds > MAX_SECONDS:
            raise ValueError(f"a clip must last at most {MAX_SECONDS:g} s, got {clip.seconds:g}")
        return clip

    @field_validator("margin")
    @classmethod
    def _margin_fits(cls, margin: int, info: ValidationInfo) -> int:
        clip = info.data.get("clip")
        if clip is not None:  # otherwise it is wrong itself
            most = clip.short_side - max(clip.height, clip.width)
            if margin > most:
                raise ValueError(
                    f"must be at most {most}, so that the frames fit into "
                    f"short_side={clip.short_side}, got {margin}"
                )
            _require_recordable(_enlarged(clip, margin))
        return margin

    @field_validator("shares")
    @classmethod
    def _shares_are_whole(cls, shares: dict[str, float]) -> dict[str, float]:
        unknown = ", ".join(name for name in shares if name not in MIXTURE_TYPES)
        if unknown:
            raise ValueError(f"must be among {', '.join(MIXTURE_TYPES)}, got {unknown}")
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {share}")
        total = math.fsum(shares.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares must sum to 1, got {total:g}: {shares}")
        return {name: shares[name] for name in MIXTURE_TYPES if name in shares}


def _enlarged(clip: ClipConfig, margin: int) -> ClipConfig:
    return clip.model_copy(update={"height": clip.height + margin, "width": clip.width + margin})


def _require_recordable(clip: ClipConfig) -> None:
    """Check that a record can hold the frames of a clip."""
    if clip.frames * clip.height > MAX_ROWS:
        raise ValueError(
            f"frames times height must be at most {MAX_ROWS}, the rows of a JPEG, got "
            f"frames={clip.frames}, height={clip.height}"
        )
    pixels = clip.frames * clip.height * clip.width
    if pixels > MAX_CLIP_PIXELS:
        raise ValueError(f"a clip must have at most {MAX_CLIP_PIXELS} pixels, got {pixels}")
