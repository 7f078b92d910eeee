"""Trains on several devices, in a process of its own: `distributed_probe.py OUT SETTINGS`.

SETTINGS is JSON: `devices`, or workers by TF_CONFIG; `train` and `eval` files; `folder`; and the
training's own.
"""

import json
import sys

import numpy as np
import tensorflow as tf
from small_models import CLIP, TWO_LEVELS

from models import presets, trainer
from models.config import ModelConfig, TrainConfig


def main(out: str, settings: dict) -> None:
    devices = settings["devices"]
    strategy = trainer.make_strategy()
    if devices > 1:
        [cpu] = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, logical)
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])
    presets.PRESETS["tiny"] = TWO_LEVELS
    reports = []
    trained = trainer.train(
        ModelConfig(system=settings["system"], preset="tiny"),
        TrainConfig(**settings["config"]),
        CLIP,
        train_files=settings["train"],
        eval_files=settings["eval"],
        logs=f"{settings['folder']}/logs",
        checkpoints=f"{settings['folder']}/checkpoints",
        report=reports.append,
        strategy=strategy,
    )
    losses = [progress.scalars["loss"] for progress in reports]
    np.savez(out, *trained.get_weights(), losses=losses, chief=trainer.is_chief(strategy))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
