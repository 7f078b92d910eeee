"""The settings of a system and of its training."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from data_prep.config import MAX_SEED, Settings
from models.precision import PRECISIONS
from models.presets import get_preset
from models.systems import check_name


class ModelConfig(Settings):
    """Which system, at which size.

    Attributes:
        system: a name in `models.systems.SYSTEMS`, or `i3d`.
        preset: a name in `models.presets.PRESETS`.
        outputs: number of output videos, `n`.
        layers: number of layers composed into them, `m`.
    """

    system: str = "c2"
    preset: str = "tiny"
    outputs: int = Field(2, ge=2)
    layers: int = Field(2, ge=2)

    @field_validator("preset")
    @classmethod
    def _preset_exists(cls, name):
        get_preset(name)
        return name

    @field_validator("system")
    @classmethod
    def _system_exists(cls, name):
        check_name(name)
        return name


class TrainConfig(Settings):
    """How a system is trained.

    Attributes:
        steps: updates of the weights.
        batch: examples a batch, over all devices; the preset's where not given. Each device
            normalises its share by the share's own statistics.
        optimizer: the papers' `sgd` with momentum 0.9, or `adam`, or `adamw`; the preset's where
            not given.
        learning_rate: its peak; the preset's where neither is given.
        schedule: `cosine` decays it to 1 % at the last step, `constant` keeps it.
        warmup_steps: steps in which it rises from 0.
        weight_decay: of `adamw`.
        clip_norm: the gradients' global norm is clipped to it; 0 leaves them. Of several devices
            each clips its own share.
        accumulate: batches whose gradients make one update; each is normalised by itself.
        ema: momentum, an update, of the weights' moving average, which is exported in place of
            the weights; 0 for none. Batch normalisation keeps the statistics of the weights.
        precision: Keras's dtype policy; with `mixed_float16` the loss is scaled.
        repair: pair the clips of a batch anew every time it is drawn, so that a small record set
            gives ever new mixtures.
        shuffle: records that are shuffled together.
        log_every: steps between two points of the curves.
        checkpoint_every: steps between two checkpoints.
        picture_every: steps between two evaluations with pictures.
        seed: decides the initial weights and the order of the data.
    """

    steps: int = Field(1_000, ge=1)
    batch: int | None = Field(None, ge=1)
    optimizer: Literal["sgd", "adam", "adamw"] | None = None
    learning_rate: float | None = Field(None, gt=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = Field(0, ge=0)
    weight_decay: float = Field(1e-4, ge=0)
    clip_norm: float = Field(1.0, ge=0)
    accumulate: int = Field(1, ge=1)
    ema: float = Field(0.0, ge=0, lt=1)
    precision: Literal[PRECISIONS] = "float32"
    repair: bool = False
    shuffle: int = Field(256, ge=1)
    log_every: int = Field(20, ge=1)
    checkpoint_every: int = Field(200, ge=1)
    picture_every: int = Field(200, ge=1)
    seed: int = Field(0, ge=0, le=MAX_SEED)

    @model_validator(mode="after")
    def _rate_belongs_to_optimizer(self):
        if self.optimizer is not None and self.learning_rate is None:
            raise ValueError(
                f"optimizer needs its learning_rate beside it: received optimizer="
                f"{self.optimizer!r} alone"
            )
        return self
