"""The callbacks that report, evaluate and checkpoint a training run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from models.tasks.trainable import TrainableModel
from models.training.progress import Progress
from models.training.run import Run

Logs = dict[str, Any] | None


class ReportProgress(keras.callbacks.Callback):
    """Report the means of every epoch, also to the callbacks behind it; stop after the last step.

    It comes first: the means join the epoch's `logs`, where other callbacks find them under the
    names of the model's `reported` scalars. `loss` is there for every model: the objective, if no
    scalar has this name.

    Args:
        run: the training run.
        boundary: says which epochs were cut short.
        report: called with every progress.
    """

    def __init__(
        self, run: Run, boundary: "EpochBoundary", report: Callable[[Progress], None]
    ) -> None:
        super().__init__()
        self._run = run
        self._boundary = boundary
        self._report = report

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Continue the means of an epoch in which the run was interrupted."""
        self._run.continue_means()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Stop after the last step."""
        if self._run.step == self._run.steps:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Report, and go on if only the epoch was to end here."""
        if self._boundary.was_cut:
            self.model.stop_training = False
        progress = self._run.report()
        if logs is not None:
            logs.update(progress.scalars)
            logs.setdefault("loss", progress.scalars["objective"])
        self._report(progress)


class EpochBoundary(keras.callbacks.Callback):
    """End the first epoch of a resumed run at the same step as without an interruption.

    Keras gives all epochs one length, but ends one early if training is to stop. It comes last,
    so that it cannot be mistaken for another callback that stops the training.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self.was_cut = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start an epoch."""
        self.was_cut = False

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End the epoch if it is time and nothing else ends it."""
        is_last = batch + 1 == self.params["steps"] or self.model.stop_training
        if self._run.ends_epoch and not self._run.in_update and not is_last:
            self.was_cut = self.model.stop_training = True


class AfterUpdates(keras.callbacks.Callback, ABC):
    """Act every so many updates, and after the last one.

    If the update ends an epoch, it acts at the epoch's end, after the report.

    Args:
        run: the training run.
        every: updates between two acts.
    """

    def __init__(self, run: Run, every: int) -> None:
        super().__init__()
        self._run = run
        self._every = every
        self._last = run.step

    @abstractmethod
    def act(self) -> None:
        """Do the subclass's work."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Act within an epoch."""
        if not self._run.ends_epoch:
            self._act_if_due()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Act at an epoch's end."""
        self._act_if_due()

    def _act_if_due(self) -> None:
        step = self._run.step
        if step != self._last and (step % self._every == 0 or step == self._run.steps):
            self._last = step
            self.act()


class HeldOut(AfterUpdates):
    """Write a held-out batch's scalars and image for TensorBoard.

    Args:
        run: the training run.
        every: updates between two evaluations.
        writer: TensorBoard's writer.
        batch: a prepared batch.
    """

    model: TrainableModel

    def __init__(
        self,
        run: Run,
        every: int,
        writer: tf.summary.SummaryWriter,
        batch: Mapping[str, tf.Tensor],
    ) -> None:
        super().__init__(run, every)
        self._writer = writer
        self._batch = batch
        self._evaluate = tf.function(self._evaluate_once, autograph=False)

    def act(self) -> None:
        """Evaluate the batch and write the results."""
        means, image = self._evaluate(self._batch)
        with self._writer.as_default(step=self._run.step):
            for name, mean in means.items():
                tf.summary.scalar(f"held_out/{name}", mean)
            if image is not None:
                tf.summary.image("held_out/separation", image[None])

    def _evaluate_once(
        self, batch: Mapping[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor | None]:
        predictions = self.model(batch, training=False)
        scalars = self.model.evaluate_batch(batch, predictions)
        means = {name: tf.reduce_mean(values) for name, values in scalars.items()}
        return means, self.model.held_out_image(batch, predictions)


class Checkpoints(AfterUpdates):
    """Keep the last two checkpoints of a run that has not diverged.

    Keras's `BackupAndRestore` saves the model's weights alone: neither the states of dropout nor
    the means of an epoch under way would be restored.

    Args:
        run: the training run.
        every: updates between two checkpoints.
        manager: writes them; None in workers that write none.
    """

    def __init__(self, run: Run, every: int, manager: tf.train.CheckpointManager | None) -> None:
        super().__init__(run, every)
        self._manager = manager

    def act(self) -> None:
        """Check the run, then save it."""
        self._run.check()
        self._run.save(self._manager)


def write_progress(writer: tf.summary.SummaryWriter, progress: Progress) -> None:
    """Write a progress for TensorBoard."""
    with writer.as_default(step=progress.step):
        for name, value in progress.scalars.items():
            tf.summary.scalar(f"train/{name}", value)
        tf.summary.scalar("train/waiting_share", progress.waiting_share)
