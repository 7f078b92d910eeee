"""Training of a system, resumable at every checkpoint."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models import precision
from models.config import ModelConfig, TrainConfig
from models.networks.i3d import i3d
from models.presets import get_preset
from models.systems import CLASSIFIER, get_system
from models.tasks.classification import Classifier
from models.tasks.separation import Separator
from models.training.image_grid import picture
from models.training.inputs import read_info, read_once, read_shuffled, with_classes
from models.training.optimizers import make_optimizer

log = logging.getLogger(__name__)


@dataclass
class Progress:
    """What a training reports.

    Attributes:
        step: updates done.
        steps: updates in all.
        scalars: means since the last report, by name.
        updates: updates done since the start or the resumption.
        seconds: seconds spent on them, without evaluation.
        waited: seconds of them spent waiting for input.
    """

    step: int
    steps: int
    scalars: dict[str, float] = field(default_factory=dict)
    updates: int = 0
    seconds: float = 0.0
    waited: float = 0.0


def build(model: ModelConfig, clip: ClipConfig, labels: list[str]) -> Separator | Classifier:
    """Build the model that the settings name, with fresh weights.

    Args:
        model: the settings.
        clip: the clip's shape.
        labels: the classes that the classifier tells apart.

    Raises:
        UserError: the classifier has fewer than two classes.
    """
    preset = get_preset(model.preset)
    if model.system == CLASSIFIER:
        if len(labels) < 2:
            raise UserError(f"a classifier needs at least 2 labels: received {labels}")
        return Classifier(i3d(clip, preset, classes=len(labels)), labels)
    system = get_system(model.system)
    return Separator(system.build(clip, preset, model.outputs, model.layers), system)


def train(
    model: ModelConfig,
    config: TrainConfig,
    clip: ClipConfig,
    *,
    train_files: list[str],
    eval_files: list[str],
    logs: str,
    checkpoints: str,
    report: Callable[[Progress], None] = lambda progress: None,
    strategy: tf.distribute.Strategy | None = None,
) -> Separator | Classifier:
    """Train a system on records.

    A training that was stopped goes on from its last checkpoint: with the same weights, optimiser
    and order of the data as if it had not been stopped.

    Args:
        model: which system, at which size.
        config: how to train it.
        clip: the shape of the records' clips.
        train_files: TFRecord files to train on, with `info.json` beside their folder.
        eval_files: TFRecord files for the curves and pictures.
        logs: folder for TensorBoard's logs.
        checkpoints: folder for checkpoints.
        report: called at every point of the curves.
        strategy: the devices; by default `make_strategy` finds them. Of several workers only the
            chief, see `is_chief`, writes logs and checkpoints, which the others read too.

    Returns:
        The trained model; with the averaged weights where `config.ema` is on.

    Raises:
        UserError: the records or the devices do not suit the settings, or training diverged: then
            the message names the step and the mixtures of its batch.
    """
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    info = read_info(train_files)["splits"]["train"]
    preset = get_preset(model.preset)
    batch = config.batch or preset.batch
    strategy = strategy or make_strategy()
    replicas = strategy.num_replicas_in_sync
    _check(model, config, info, batch, replicas)
    precision.check(config.precision, preset, gpu=bool(tf.config.list_physical_devices("GPU")))
    with strategy.scope():
        trained = build(model, clip, [label for label in info["labels"] if label])
        trained.replicas = replicas
        trained.compile(optimizer=make_optimizer(config, preset, replicas=replicas))
        trained.optimizer.build(trained.trainable_variables)
    if not trained.trainable_variables:
        return trained
    run = _Run(trained, config, strategy)
    manager = tf.train.CheckpointManager(run.checkpoint, checkpoints, max_to_keep=2)
    run.checkpoint.restore(manager.latest_checkpoint)
    if run.step:
        log.info("resumed at step %d from %s", run.step, checkpoints)
    dataset = read_shuffled(
        train_files,
        clip,
        records=info["mixtures"],
        batch=batch,
        buffer=config.shuffle,
        seed=config.seed,
        skip=run.step * config.accumulate,
        repair=config.repair,
    )
    # Of an endless dataset the threads do not end: an iterator over devices then waits for ever.
    left = (config.steps - run.step) * config.accumulate
    batches = _distributed(strategy, _as_read_by(trained, dataset).take(left))
    held_out = next(iter(_as_read_by(trained, read_once(eval_files, clip, batch=8))))
    chief = is_chief(strategy)
    writer = tf.summary.create_file_writer(logs) if chief else tf.summary.create_noop_writer()
    while run.step < config.steps:
        run.update(batches)
        last = run.step == config.steps
        with writer.as_default(step=run.step):
            if run.step % config.log_every == 0 or last:
                progress = run.report()
                _summarise_progress(progress)
                report(progress)
            if run.step % config.picture_every == 0 or last:
                _summarise_held_out(trained, held_out)
        if run.step % config.checkpoint_every == 0 or last:
            run.check()
            if chief:
                manager.save(run.step)
    writer.close()
    trained.optimizer.finalize_variable_values(trained.trainable_variables)
    return trained


def _check(model: ModelConfig, config: TrainConfig, info: dict, batch: int, replicas: int) -> None:
    """Raise UserError where the records or the devices do not suit the settings."""
    if model.system != CLASSIFIER and get_system(model.system).hears and not info["with_sound"]:
        raise UserError(
            f"system {model.system} is controlled by sound: none of the {info['mixtures']} "
            "training mixtures has any"
        )
    if batch % replicas:
        raise UserError(f"batch must be divisible by the {replicas} devices: received {batch}")
    if replicas > 1 and config.accumulate > 1:
        # Keras decides on the update within each device, where gradients cannot be summed.
        raise UserError(
            f"accumulate must be 1 on several devices: received {config.accumulate} on {replicas}; "
            "a batch that is larger by it does the same"
        )
    if replicas > 1 and config.precision == "mixed_float16":
        # Keras lets one device's gradients decide for all whether the loss was scaled too much.
        raise UserError(
            f"mixed_float16 needs a single device: there are {replicas}; choose mixed_bfloat16"
        )


def _as_read_by(model, dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Add what the model reads beyond the record."""
    if isinstance(model, Classifier):
        return dataset.map(lambda batch: with_classes(batch, model.labels))
    return dataset


def make_strategy() -> tf.distribute.Strategy:
    """Return the strategy for what there is: `TF_CONFIG`'s workers, this machine's GPUs, or one."""
    if os.environ.get("TF_CONFIG"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if _gpus() > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _gpus() -> int:
    return len(tf.config.list_physical_devices("GPU"))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Return whether this process writes what is written once; of one process it is that one."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (
        not has_chief and resolver.task_type == "worker" and resolver.task_id == 0
    )


def _distributed(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset):
    """Return an iterator of which every replica gets its share of every batch."""
    options = tf.data.Options()
    # Files are read in the seed's order, which no worker may see in parts.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return iter(strategy.experimental_distribute_dataset(dataset.with_options(options)))


class _Run:
    """The state of a training: what a checkpoint holds, and the clocks."""

    def __init__(self, model, config, strategy):
        self._model = model
        self._config = config
        self._strategy = strategy
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        # Keras keeps the states of dropout out of a model's weights.
        seeds = [item.value for item in model.variables if "seed_generator" in item.path]
        self.checkpoint = tf.train.Checkpoint(model=model, step=self._step, seeds=seeds)
        # XLA compiles for one device, and its 3-D convolutions are 25 times slower than
        # TensorFlow's on a CPU.
        one_gpu = _gpus() > 0 and strategy.num_replicas_in_sync == 1
        self._train = tf.function(self._train_on_replicas, jit_compile=one_gpu or None)
        self._unchecked = deque()
        self._seconds = self._waited = 0.0
        self._updates = 0

    @property
    def step(self) -> int:
        """Updates done."""
        return int(self._step)

    def _train_on_replicas(self, batch):
        logs = self._strategy.run(self._model.train_step, args=(batch,))
        return self._strategy.reduce("MEAN", logs["objective"], axis=None)

    def update(self, batches):
        """Update the weights once."""
        started = time.perf_counter()
        for _ in range(self._config.accumulate):
            asked = time.perf_counter()
            batch = next(batches)
            self._waited += time.perf_counter() - asked
            loss = self._train({key: batch[key] for key in self._model.inputs_read})
            self._unchecked.append((self.step + 1, batch["mixture_id"], loss))
        self._step.assign_add(1)
        self._updates += 1
        # Fetching a scalar waits for the device: not at every step.
        self._seconds += time.perf_counter() - started

    def check(self):
        """Stop a training that diverged, before its weights are kept.

        Raises:
            UserError: a loss since the last check is no number, or a weight after the last update.
        """
        step, ids = self.step, None
        while self._unchecked:
            step, ids, loss = self._unchecked.popleft()
            if not np.isfinite(float(loss)):
                raise self._diverged(f"the loss at step {step} is {float(loss)}", ids)
        for weight in self._model.trainable_weights:
            if not bool(tf.reduce_all(tf.math.is_finite(weight.value))):
                raise self._diverged(f"{weight.path} is no number after step {step}", ids)

    def _diverged(self, what: str, ids) -> UserError:
        names = [
            name.decode()
            for local in self._strategy.experimental_local_results(ids)
            for name in local.numpy()
        ]
        return UserError(
            f"training diverged: {what}; the batch held the mixtures {', '.join(names)}; try a "
            "lower learning_rate or clip_norm"
        )

    def report(self) -> Progress:
        """Return the means since the last report, and start them anew."""
        started = time.perf_counter()
        self.check()
        scalars = {name: float(tracker.result()) for name, tracker in self._model.trackers.items()}
        self._model.reset_metrics()
        self._seconds += time.perf_counter() - started
        return Progress(
            step=self.step,
            steps=self._config.steps,
            scalars=scalars,
            updates=self._updates,
            seconds=self._seconds,
            waited=self._waited,
        )


def _summarise_progress(progress: Progress) -> None:
    for name, value in progress.scalars.items():
        tf.summary.scalar(f"train/{name}", value)
    tf.summary.scalar("train/waiting_share", progress.waited / progress.seconds)


def _summarise_held_out(model, batch):
    """Write a held-out batch's scalars, and of a separator a picture of what it separates."""
    inputs = {key: batch[key] for key in model.inputs_read}
    for name, values in model.evaluate_batch(inputs).items():
        tf.summary.scalar(f"held_out/{name}", tf.reduce_mean(values))
    if isinstance(model, Separator):
        predictions = model(inputs, training=False)
        tf.summary.image("held_out/separation", picture(batch, predictions)[None])
