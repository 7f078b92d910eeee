"""The state of a training run: what a checkpoint holds, its clocks, and the divergence check."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from models.config import TrainConfig
from models.tasks.trainable import TrainableModel
from models.training.progress import Progress


class Run:
    """A training run, shared by its callbacks.

    An update takes `accumulate` batches, an epoch `log_every` updates.

    Args:
        model: the model to train, built and compiled.
        config: the training's settings.
        names: number of a batch -> names of its mixtures.

    Attributes:
        step: updates done.
        steps: updates in total.
        resumed_from: step of the checkpoint that was restored; 0 without one.
        checkpoint: everything that a resumed run needs.
    """

    def __init__(
        self, model: TrainableModel, config: TrainConfig, names: Callable[[int], list[str]]
    ) -> None:
        self.step = 0
        self.steps = config.steps
        self.resumed_from = 0
        self._model = model
        self._strategy = model.distribute_strategy
        self._config = config
        self._names = names
        self._batches = 0
        self._unchecked: deque[tuple[int, tf.Tensor]] = deque()
        self._updates = 0
        self._seconds = self._waited = 0.0
        trackers = model.trackers.values()
        self._mean_variables = [each.value for tracker in trackers for each in tracker.variables]
        self._continued_means: list[float] = []
        self._train = tf.function(
            self._train_on_replicas, jit_compile=model.jit_compile or None, autograph=False
        )
        self._saved_step = tf.Variable(0, dtype=tf.int64, trainable=False)
        # Copies, because several workers must read a mean together and the chief saves alone.
        self._saved_means = tf.Variable([0.0] * len(self._mean_variables), trainable=False)
        # Keras does not count the states of dropout among a model's weights.
        seeds = [item.value for item in model.variables if "seed_generator" in item.path]
        self.checkpoint = tf.train.Checkpoint(
            model=model, step=self._saved_step, seeds=seeds, means=self._saved_means
        )

    @property
    def in_update(self) -> bool:
        """Whether an update is under way: some of its batches are done, but not all."""
        return self._batches % self._config.accumulate > 0

    @property
    def ends_epoch(self) -> bool:
        """Whether the last update ends an epoch."""
        return self.step % self._config.log_every == 0 or self.step == self.steps

    def restore(self, path: str | None) -> None:
        """Restore a checkpoint; None leaves the run fresh."""
        self.checkpoint.restore(path)
        self.step = self.resumed_from = int(self._saved_step)
        self._batches = self.step * self._config.accumulate
        if not self.ends_epoch:
            self._continued_means = self._saved_means.numpy().tolist()

    def save(self, manager: tf.train.CheckpointManager | None) -> None:
        """Write a checkpoint; workers without a manager only take part in reading the means."""
        self._saved_step.assign(self.step)
        self._saved_means.assign(tf.stack([tf.identity(each) for each in self._mean_variables]))
        if manager is not None:
            manager.save(self.step)

    def continue_means(self) -> None:
        """Give the first epoch the means of its part before the checkpoint.

        Keras resets them when an epoch begins.
        """
        for variable, value in zip(self._mean_variables, self._continued_means, strict=False):
            variable.assign(value)
        self._continued_means = []

    def train_on_next(self, batches: Iterator[Any]) -> dict[str, Any]:
        """Train on the next batch; `fit` calls this in place of Keras's own function.

        It times the wait for input and keeps the losses for `check`. It returns no logs, because
        Keras would fetch them from the device after every batch.
        """
        started = time.perf_counter()
        batch = next(batches)
        self._waited += time.perf_counter() - started
        self._unchecked.append((self._batches, self._train(batch)))
        self._batches += 1
        if not self.in_update:
            self.step += 1
            self._updates += 1
        self._seconds += time.perf_counter() - started
        return {}

    def _train_on_replicas(self, batch: Any) -> tf.Tensor:
        # Keras's own function fails with several workers: it takes scalar logs for arrays.
        logs = self._strategy.run(self._model.train_step, args=(batch,))
        return self._strategy.reduce("MEAN", logs["objective"], axis=None)

    def report(self) -> Progress:
        """Return the means since the last report. This waits for the device.

        Raises:
            UserError: training diverged.
        """
        started = time.perf_counter()
        self.check()
        trackers = self._model.trackers
        means = tf.stack([tracker.result() for tracker in trackers.values()]).numpy()
        self._seconds += time.perf_counter() - started
        return self.progress(dict(zip(trackers, means.tolist(), strict=True)))

    def progress(self, scalars: Mapping[str, float] | None = None) -> Progress:
        """Return the progress so far, with the means if they are known."""
        return Progress(
            step=self.step,
            steps=self.steps,
            scalars=dict(scalars or {}),
            updates=self._updates,
            seconds=self._seconds,
            waited=self._waited,
            resumed_from=self.resumed_from,
        )

    def check(self) -> None:
        """Stop a training run that diverged, before its weights are kept.

        Raises:
            UserError: a loss since the last check is NaN or infinite, or a weight is after the
                last update. The message names the mixtures of the batch.
        """
        if not self._unchecked:
            return
        numbers, losses = zip(*self._unchecked, strict=True)
        self._unchecked.clear()
        values = tf.stack(losses).numpy()
        for number, value in zip(numbers, values.tolist(), strict=True):
            if not np.isfinite(value):
                step = number // self._config.accumulate + 1
                raise self._diverged(f"the loss at step {step} is {value}", number)
        weights = self._model.trainable_weights
        finite = [tf.reduce_all(tf.math.is_finite(weight.value)) for weight in weights]
        for weight, is_finite in zip(weights, tf.stack(finite).numpy(), strict=True):
            if not is_finite:
                reason = f"{weight.path} is NaN or infinite after step {self.step}"
                raise self._diverged(reason, numbers[-1])

    def _diverged(self, reason: str, number: int) -> UserError:
        return UserError(
            f"training diverged: {reason}; the batch held the mixtures "
            f"{', '.join(self._names(number))}; try a lower learning_rate or clip_norm"
        )
