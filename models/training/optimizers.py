"""The optimizer and the learning-rate schedule of a training run."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras

from data_prep.registry import lookup
from models.config import TrainConfig
from models.presets import Preset
from models.training.muon import KernelMuon
from models.training.summed_clipping import SummedClipping

Options = dict[str, Any]
Rate: TypeAlias = "float | keras.optimizers.schedules.LearningRateSchedule"


class DistributedSGD(SummedClipping, keras.optimizers.SGD):
    """SGD that clips the sum of all devices' gradients."""


class DistributedAdam(SummedClipping, keras.optimizers.Adam):
    """Adam, likewise."""


class DistributedAdamW(SummedClipping, keras.optimizers.AdamW):
    """AdamW, likewise."""


class DistributedMuon(SummedClipping, KernelMuon):
    """Muon, likewise."""


def _cosine(peak: float, batches: int, warmup: int) -> Rate:
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else peak,
        decay_steps=batches - warmup,
        alpha=0.01,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup,
    )


def _constant(peak: float, batches: int, warmup: int) -> Rate:
    if not warmup:
        return peak
    return keras.optimizers.schedules.PolynomialDecay(
        initial_learning_rate=0.0, decay_steps=warmup, end_learning_rate=peak
    )


SCHEDULES: dict[str, Callable[[float, int, int], Rate]] = {
    "cosine": _cosine,
    "constant": _constant,
}
"""Name -> a function of the peak, and of the numbers of all batches and of those of the warm-up."""

OPTIMIZERS: dict[str, Callable[[TrainConfig, Options], keras.optimizers.Optimizer]] = {
    "sgd": lambda _, common: DistributedSGD(momentum=0.9, **common),
    "adam": lambda _, common: DistributedAdam(**common),
    "adamw": lambda config, common: DistributedAdamW(weight_decay=config.weight_decay, **common),
    "muon": lambda _, common: DistributedMuon(**common),
}
"""Name -> a function of the settings and of what all optimizers take."""


def make_optimizer(config: TrainConfig, preset: Preset) -> keras.optimizers.Optimizer:
    """Return the optimizer of a training's settings.

    Args:
        config: the training's settings.
        preset: gives the optimizer and its learning rate if the settings do not.
    """
    common: Options = {
        "learning_rate": _rate(config, preset),
        "global_clipnorm": config.clip_norm or None,
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
    }
    if config.ema:
        # The average is kept apart from the weights until training ends. Keras moves it with every
        # batch, and an update may take several.
        common |= {
            "use_ema": True,
            "ema_momentum": config.ema ** (1 / config.accumulate),
            "ema_overwrite_frequency": None,
        }
    make = lookup(OPTIMIZERS, config.optimizer or preset.optimizer, "train.optimizer")
    return make(config, common)


def _rate(config: TrainConfig, preset: Preset) -> Rate:
    # The optimizer counts batches, and an update may take several.
    batches = config.steps * config.accumulate
    warmup = min(config.warmup_steps * config.accumulate, batches - 1)
    return SCHEDULES[config.schedule](config.learning_rate or preset.learning_rate, batches, warmup)
