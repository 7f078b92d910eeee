"""The optimizer and the learning-rate schedule of a training run."""

from typing import Any

import keras

from models.config import TrainConfig
from models.presets import Preset
from models.training.muon import KernelMuon


def make_optimizer(
    config: TrainConfig, preset: Preset, *, replicas: int = 1
) -> keras.optimizers.Optimizer:
    """Return the optimizer of a training's settings.

    Args:
        config: the training's settings.
        preset: gives the optimizer and its learning rate if the settings do not.
        replicas: devices, whose gradients are summed.
    """
    common: dict[str, Any] = {
        "learning_rate": _schedule(config, config.learning_rate or preset.learning_rate),
        # Each device clips before the sum.
        "global_clipnorm": config.clip_norm / replicas or None,
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
    match config.optimizer or preset.optimizer:
        case "sgd":
            return keras.optimizers.SGD(momentum=0.9, **common)
        case "adam":
            return keras.optimizers.Adam(**common)
        case "adamw":
            return keras.optimizers.AdamW(weight_decay=config.weight_decay, **common)
        case "muon":
            return KernelMuon(**common)
        case name:
            raise ValueError(f"optimizer: must be sgd, adam, adamw or muon, got {name!r}")


def _schedule(
    config: TrainConfig, peak: float
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    # The optimizer counts batches, and an update may take several.
    batches = config.steps * config.accumulate
    warmup = min(config.warmup_steps * config.accumulate, batches - 1)
    if config.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else peak,
            decay_steps=batches - warmup,
            alpha=0.01,
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
    if warmup:
        return keras.optimizers.schedules.PolynomialDecay(
            initial_learning_rate=0.0, decay_steps=warmup, end_learning_rate=peak
        )
    return peak
