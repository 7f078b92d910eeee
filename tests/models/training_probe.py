"""Train on one device or several, in another process: `training_probe.py OUT SETTINGS`.

SETTINGS is JSON: `devices`, for each number of which it trains, or none for workers by TF_CONFIG;
`train` and `eval` files; `folder`; `system`; `norm`, its normalization; and `config`, the
training's.
"""

import dataclasses
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from small_models import CLIP, TWO_LEVELS

from models import presets
from models.config import ModelConfig, TrainConfig
from models.training.devices import is_chief, make_strategy
from models.training.train import train


def main(out: str, settings: dict) -> None:
    presets.PRESETS["tiny"] = dataclasses.replace(TWO_LEVELS, norm=settings["norm"])
    if not settings["devices"]:
        train_one(f"{out}.npz", settings, settings["folder"], make_strategy())
        return
    [cpu] = tf.config.list_physical_devices("CPU")
    logical = [tf.config.LogicalDeviceConfiguration()] * max(settings["devices"])
    tf.config.set_logical_device_configuration(cpu, logical)
    for count in settings["devices"]:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
        folder = f"{settings['folder']}-{count}"
        train_one(f"{out}-{count}.npz", settings, folder, strategy if count > 1 else None)


class WriteStep(keras.callbacks.Callback):
    """Write the step to a file, so that a test can kill the run at any."""

    def __init__(self, folder: str):
        super().__init__()
        self._file = Path(folder) / "step"

    def on_train_batch_end(self, batch, logs=None):
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(str(int(self.model.optimizer.iterations.numpy())))


def train_one(out: str, settings: dict, folder: str, strategy) -> None:
    reports = []
    trained = train(
        ModelConfig(system=settings["system"], preset="tiny"),
        TrainConfig(**settings["config"]),
        CLIP,
        train_files=settings["train"],
        eval_files=settings["eval"],
        logs=f"{folder}/logs",
        checkpoints=f"{folder}/checkpoints",
        report=reports.append,
        callbacks=[WriteStep(folder)],
        strategy=strategy,
    )
    losses = [progress.scalars["loss"] for progress in reports if progress.scalars]
    chief = strategy is None or is_chief(strategy)
    np.savez(out, *trained.get_weights(), losses=losses, chief=chief)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
