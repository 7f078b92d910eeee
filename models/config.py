"""Settings of a model and of its training."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from data_prep import storage
from data_prep.settings import MAX_SEED, Settings
from models.precision import Precision
from models.presets import get_preset
from models.systems import get_system

MAX_BATCH = 65_536
"""Examples per batch, over all devices."""
PUSHED = "pushed"
"""`ModelConfig.initial` of runs that start from the newest pushed model of their task."""
_MOST = 1_000_000_000  # updates; years of training


class ModelConfig(Settings):
    """The system and its size.

    Attributes:
        system: a name in `models.systems.SYSTEMS`.
        preset: a name in `models.presets.PRESETS`.
        outputs: number of output videos, `n`.
        layers: number of layers composed into them, `m`, at least `outputs`; the system's or the
            preset's by default. `models.networks.composition.layer_kinds` says what they are.
        initial: exported model whose weights training starts from, see
            `models.training.warm_start`: URI of a version, or of a folder of versions for the
            newest. `pushed` is the newest version that the pipeline has pushed for the task, if
            there is one. Fresh weights by default.
    """

    system: str = "c2"
    preset: str = "tiny"
    outputs: int = Field(2, ge=2, le=16)
    layers: int | None = Field(None, ge=2, le=64)
    initial: str = ""

    @field_validator("preset")
    @classmethod
    def _preset_exists(cls, name: str) -> str:
        get_preset(name)
        return name

    @field_validator("system")
    @classmethod
    def _system_exists(cls, name: str) -> str:
        get_system(name)
        return name

    @field_validator("initial")
    @classmethod
    def _absolute(cls, uri: str) -> str:
        # Stages have another working directory than the command that names the model.
        return storage.absolute(uri) if uri not in ("", PUSHED) else uri

    @model_validator(mode="after")
    def _outputs_start_apart(self) -> "ModelConfig":
        # Each output starts as mostly one layer, and training cannot tell equal outputs apart.
        if self.layers is not None and self.layers < self.outputs:
            raise ValueError(
                f"layers: must be at least outputs, got layers={self.layers}, "
                f"outputs={self.outputs}"
            )
        return self


class AugmentConfig(Settings):
    """Random changes to the clips of training mixtures, see `models.training.augmentation`.

    They are drawn for each clip, before the clips are mixed.

    Attributes:
        flip: swap left and right in half of the clips.
        color: largest share by which brightness, contrast and saturation change, up or down.
        gain: largest change of the audio's level in dB, up or down.
    """

    flip: bool = False
    color: float = Field(0.0, ge=0, le=1)
    gain: float = Field(0.0, ge=0, le=60)


class TrainConfig(Settings):
    """How a system is trained.

    Attributes:
        steps: updates of the weights.
        batch: examples per batch, over all devices; the preset's by default.
        optimizer: `sgd` with momentum 0.9 as in the papers, `adam`, `adamw`, or `muon`, see
            `models.training.muon`; the preset's by default.
        learning_rate: the peak; the preset's if neither this nor `optimizer` is given.
        schedule: `cosine` decays the rate to 1 % at the last step; `constant` keeps it.
        warmup_steps: steps in which the rate rises from 0.
        weight_decay: weight decay of `adamw`.
        clip_norm: upper limit of the gradients' global norm; 0 for none. Keep it above the usual
            norm: at 1, the gradient of C3's scores fills it, and the others shrink.
        accumulate: batches whose gradients make one update; each is normalized by itself.
        ema: momentum per update of the weights' moving average, which is exported instead of the
            weights; 0 for none. Batch normalization gets the statistics of the averaged
            weights, from a few training batches at the end. The curves and images of TensorBoard
            are of the weights themselves.
        precision: Keras's dtype policy; with `mixed_float16` the loss is scaled.
        re_pair: pair the clips of a batch again every time it is drawn, so that a small record
            set gives many more mixtures.
        augment: random changes to the clips.
        shuffle: records that are shuffled together.
        log_every: steps between two points of the curves.
        checkpoint_every: steps between two checkpoints.
        image_every: steps between two evaluations on held-out mixtures, with images.
        seed: decides the initial weights, the order of the data, and all random changes.
    """

    steps: int = Field(1_000, ge=1, le=_MOST)
    batch: int | None = Field(None, ge=1, le=MAX_BATCH)
    optimizer: Literal["sgd", "adam", "adamw", "muon"] | None = None
    learning_rate: float | None = Field(None, gt=0, le=1_000)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = Field(0, ge=0, le=_MOST)
    weight_decay: float = Field(1e-4, ge=0, le=1_000)
    clip_norm: float = Field(10.0, ge=0, le=1e9)
    accumulate: int = Field(1, ge=1, le=10_000)
    ema: float = Field(0.0, ge=0, lt=1)
    precision: Precision = "float32"
    re_pair: bool = False
    augment: AugmentConfig = AugmentConfig()
    shuffle: int = Field(256, ge=1, le=1_000_000)
    log_every: int = Field(20, ge=1, le=_MOST)
    checkpoint_every: int = Field(200, ge=1, le=_MOST)
    image_every: int = Field(200, ge=1, le=_MOST)
    seed: int = Field(0, ge=0, le=MAX_SEED)

    @model_validator(mode="after")
    def _rate_belongs_to_optimizer(self) -> "TrainConfig":
        if self.optimizer is not None and self.learning_rate is None:
            raise ValueError(
                "optimizer: must come with its learning_rate, got "
                f"optimizer={self.optimizer!r} alone"
            )
        return self
