"""Training of a system with `keras.Model.fit`, resumable at every checkpoint."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import keras
import tensorflow as tf

from data_prep import storage
from data_prep.config import ClipConfig
from models import precision
from models.config import ModelConfig, TrainConfig
from models.presets import get_preset
from models.systems import get_system
from models.tasks.trainable import TrainableModel
from models.training.batch_statistics import BATCHES, estimate_statistics, synchronize
from models.training.callbacks import (
    Checkpoints,
    EpochBoundary,
    HeldOut,
    ReportProgress,
    write_progress,
)
from models.training.device_rules import check_devices
from models.training.devices import check_progress, gpus, is_chief, make_strategy
from models.training.inputs import divisible, read_info, read_once, read_shuffled
from models.training.optimizers import make_optimizer
from models.training.progress import Progress
from models.training.run import Run
from models.training.warm_start import begin_run

_HELD_OUT = 8
"""Mixtures of the held-out batch."""


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
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
) -> TrainableModel:
    """Train a system on records.

    An interrupted run resumes from its last checkpoint, with the same weights, optimizer and order
    of the data as if it had not been interrupted.

    Args:
        model: the system and its size.
        config: how to train it.
        clip: the shape of the records' clips.
        train_files: TFRecord files to train on, with `info.json` beside their folder.
        eval_files: TFRecord files of held-out mixtures, for the curves and images.
        logs: folder for TensorBoard's logs.
        checkpoints: folder for checkpoints.
        report: called at every point of the curves; in a run that is resumed or starts from an
            exported model also once before them, without scalars.
        callbacks: Keras callbacks of your own. An epoch is `config.log_every` updates. Its logs
            hold the means of the model's `reported` scalars, and always `loss`.
        strategy: the devices; by default `make_strategy` finds them. Several workers all read the
            checkpoints, but only the chief, see `is_chief`, writes logs and checkpoints.

    Returns:
        The trained model, with the averaged weights and their statistics if `config.ema` is on.

    Raises:
        UserError: the records, the devices or the initial model do not suit the settings, the
            workers found different checkpoints, or training diverged. The message then names the
            step and the mixtures of its batch.

    Example:
        Train C2 on the records that `python -m data_prep generate` wrote to `mixtures`:

        >>> import keras
        >>> from models.config import ModelConfig, TrainConfig
        >>> from models.export.saved_model import export
        >>> from models.presets import get_preset
        >>> from models.training.inputs import find_files
        >>> from models.training.train import train
        >>> clip = get_preset("tiny").clip
        >>> separator = train(
        ...     ModelConfig(system="c2", preset="tiny"),
        ...     TrainConfig(steps=4, batch=2, log_every=2),
        ...     clip,
        ...     train_files=find_files(["mixtures/train/*"]),
        ...     eval_files=find_files(["mixtures/eval/*"]),
        ...     logs="run/logs",
        ...     checkpoints="run/checkpoints",
        ...     report=lambda progress: print(f"step {progress.step} of {progress.steps}"),
        ...     callbacks=[keras.callbacks.EarlyStopping("loss", patience=10)],
        ... )
        step 2 of 4
        step 4 of 4
        >>> export(separator, clip, "run/model/1")
    """
    keras.utils.set_random_seed(config.seed)
    info = read_info(train_files).splits["train"]
    system, preset = get_system(model.system), get_preset(model.preset)
    batch = config.batch or preset.batch
    strategy = strategy or make_strategy()
    replicas = strategy.num_replicas_in_sync
    system.task.check_records(info, system)
    check_devices(config, batch, replicas)
    precision.check(config.precision, preset, gpu=gpus() > 0)
    with strategy.scope(), precision.layers_in(config.precision):
        trained = system.task.build(system, model, clip, info.classes)
        trained.replicas = replicas
        if replicas > 1:
            synchronize(trained)
        trained.compile(
            optimizer=make_optimizer(config, preset),
            # XLA compiles for one device, and its 3-D convolutions are 25 times slower than
            # TensorFlow's on a CPU.
            jit_compile=gpus() > 0 and replicas == 1,
        )
        trained.optimizer.build(trained.trainable_variables)
    if not trained.trainable_variables:
        return trained
    records = partial(
        read_shuffled,
        train_files,
        clip,
        records=info.mixtures,
        batch=batch,
        buffer=config.shuffle,
        seed=config.seed,
        re_pair=config.re_pair,
        augment=config.augment,
    )
    run = Run(trained, config, names=lambda number: _names(records(skip=number)))
    storage.make_dirs(checkpoints)
    with storage.without_wildcards(checkpoints) as folder:
        manager = tf.train.CheckpointManager(run.checkpoint, folder, max_to_keep=2)
        run.restore(manager.latest_checkpoint)
        check_progress(strategy, run.step)
        written = logs if is_chief(strategy) else None
        begin_run(run, trained.network, model.initial, logs=written, report=report)
        if run.step < run.steps:
            held_out = next(iter(read_once(eval_files, clip, batch=_HELD_OUT)))
            _fit(
                trained,
                config,
                run,
                records(skip=run.step * config.accumulate, prepare=_prepare(trained)),
                held_out=_prepare(trained)(held_out),
                manager=manager if is_chief(strategy) else None,
                logs=written,
                report=report,
                callbacks=callbacks,
            )
        else:
            trained.optimizer.finalize_variable_values(trained.trainable_variables)
    if config.ema:
        following = records(skip=run.step * config.accumulate, prepare=_prepare(trained))
        estimate_statistics(trained, following.take(BATCHES))
    return trained


def _fit(
    trained: TrainableModel,
    config: TrainConfig,
    run: Run,
    records: tf.data.Dataset,
    *,
    held_out: dict[str, tf.Tensor],
    manager: tf.train.CheckpointManager | None,
    logs: str | None,
    report: Callable[[Progress], None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Call Keras's `fit`; `manager` and `logs` are None in workers that write nothing."""
    writer = tf.summary.create_file_writer(logs) if logs else tf.summary.create_noop_writer()

    def report_everywhere(progress: Progress) -> None:
        write_progress(writer, progress)
        report(progress)

    boundary = EpochBoundary(run)
    # An infinite dataset never stops its threads, so an iterator over several devices would hang
    # at the end.
    batches = records.take((run.steps - run.step) * config.accumulate)
    if run.resumed_from:
        report(run.progress())
    trained.train_on_next = run.train_on_next
    try:
        trained.fit(
            divisible(batches),
            epochs=math.ceil(run.steps / config.log_every),
            initial_epoch=run.step // config.log_every,
            steps_per_epoch=config.log_every * config.accumulate,
            callbacks=[
                ReportProgress(run, boundary, report_everywhere),
                *callbacks,
                HeldOut(run, config.image_every, writer, held_out),
                Checkpoints(run, config.checkpoint_every, manager),
                boundary,
            ],
            shuffle=False,  # the records already are
            verbose=0,
        )
    finally:
        # The model is its caller's again, who may call `fit` too.
        trained.train_on_next = trained.train_function = None
        writer.close()


def _prepare(model: TrainableModel) -> Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """Return the function from a batch of records to what the model reads."""
    return lambda batch: model.select(model.prepare(batch))


def _names(records: tf.data.Dataset) -> list[str]:
    """Return the names of the first batch's mixtures."""
    return [name.decode() for name in next(iter(records))["mixture_id"].numpy()]
