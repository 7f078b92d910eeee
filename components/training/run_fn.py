"""The function that TFX's Trainer calls: train, then export."""

import hashlib
import json
import os

import tensorflow as tf

from components.training.progress import training_progress
from data_prep.config import ClipConfig, load
from models.config import ModelConfig, TrainConfig
from models.export.saved_model import export
from models.training.fit import is_chief, make_strategy, train
from models.training.inputs import find_files


def run_fn(fn_args) -> None:
    """Train the separator that `custom_config` describes, and export it.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` holds the JSON texts `model`, `train` and `clip`,
            the digest `code`, and `checkpoints`, a folder that outlives the execution: a training
            that was stopped is taken up from there. While it is under way the logs for TensorBoard
            lie there too, in a folder `logs`.
    """
    custom = fn_args.custom_config
    clip = load(ClipConfig, json.loads(custom["clip"]), "data.clip")
    checkpoints = os.path.join(custom["checkpoints"], _key(fn_args))
    # TFX gives each attempt a folder of its own, and empties it where the attempt fails.
    logs = os.path.join(checkpoints, "logs")
    # Before anything else of TensorFlow, as several workers need it.
    strategy = make_strategy()
    with training_progress() as report:
        model = train(
            load(ModelConfig, json.loads(custom["model"]), "model"),
            load(TrainConfig, json.loads(custom["train"]), "train"),
            clip,
            train_files=find_files(fn_args.train_files),
            eval_files=find_files(fn_args.eval_files),
            logs=logs,
            checkpoints=checkpoints,
            report=report,
            strategy=strategy,
        )
    if not is_chief(strategy):
        return
    export(model, clip, fn_args.serving_model_dir)
    if tf.io.gfile.exists(checkpoints):
        _copy_files(logs, fn_args.model_run_dir)
        tf.io.gfile.rmtree(checkpoints)


def _copy_files(source: str, target: str) -> None:
    tf.io.gfile.makedirs(target)
    for name in tf.io.gfile.listdir(source):
        tf.io.gfile.copy(os.path.join(source, name), os.path.join(target, name), overwrite=True)


def _key(fn_args) -> str:
    """Name the training: only the same one, on the same data, may take up its checkpoints."""
    text = json.dumps([fn_args.custom_config, fn_args.train_files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
