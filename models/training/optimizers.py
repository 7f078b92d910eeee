"""The optimiser and the learning-rate schedule of a training."""

import keras

from models.config import TrainConfig
from models.presets import Preset


def make_optimizer(
    config: TrainConfig, preset: Preset, *, replicas: int = 1
) -> keras.optimizers.Optimizer:
    """Return the optimiser that a training's settings name.

    Args:
        config: the training's settings.
        preset: names the optimiser and its learning rate where the settings do not.
        replicas: devices, whose gradients are summed.
    """
    common = {
        "learning_rate": _schedule(config, config.learning_rate or preset.learning_rate),
        # Each device clips before the sum.
        "global_clipnorm": config.clip_norm / replicas or None,
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
    }
    if config.ema:
        # The average stays beside the weights until training ends, and Keras moves it with every
        # batch, of which an update may take several.
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


def _schedule(config: TrainConfig, peak: float):
    # The optimiser counts batches, of which an update may take several.
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
