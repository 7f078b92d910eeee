"""Base class of all trained models: the interface to training, export and evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from models.presets import Preset
from models.typing import Tensor

if TYPE_CHECKING:
    from data_prep.config import ClipConfig
    from models.systems import System

Batch = Mapping[str, Tensor]
"""A batch of records, see `data_prep.records.tensors.parse`, with what `prepare` adds to it."""

InputSpecs = dict[str, tuple[tuple[int, ...], str]]
"""Input name -> shape without the batch axis, and dtype."""

TrainFunction = Callable[[Any], dict[str, Any]]
"""Keras's training function: takes a batch from an iterator, and returns the step's logs."""


@dataclass(frozen=True)
class Description:
    """Metadata that an exported model reports.

    Attributes:
        kind: the kind of its task.
        system: its system's name.
        control: its control mode's name.
        uses_audio: whether it takes the audio of the target clip.
    """

    kind: str
    system: str
    control: str
    uses_audio: bool


class TrainableModel(keras.Model, ABC):
    """A network with its losses; the subclass is the system's task.

    A call on a batch of records returns the network's predictions.

    Args:
        network: the system's network.
        system: the system.
        preset: the network's size.
        labels: names of the classes, in the order of the network's outputs.

    Attributes:
        reported: scalars whose means training reports.
        inputs_read: features of a prepared batch that the model reads.
        replicas: devices that train the model together.
        train_on_next: if set, the function that `fit` calls once per batch.
    """

    reported: tuple[str, ...] = ()
    train_function: TrainFunction | None

    def __init__(
        self,
        network: keras.Model,
        system: System,
        preset: Preset,
        labels: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        # Pixels, targets and distances stay float32 under every policy; the network casts its own.
        super().__init__(autocast=False, **kwargs)
        self.built = True  # the network is
        self.network = network
        self.system = system
        self.preset = preset
        self.labels = list(labels)
        self.replicas = 1
        self.train_on_next: TrainFunction | None = None
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.reported}

    @property
    @abstractmethod
    def inputs_read(self) -> tuple[str, ...]:
        """The features of a prepared batch that the model reads."""

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the scalars that `evaluate_batch` returns."""
        return self.system.task.scalars

    @property
    def description(self) -> Description:
        """What the model is, for its exported version."""
        return Description(
            kind=self.system.task.kind,
            system=self.system.name,
            control=self.system.control.name,
            uses_audio=self.system.uses_audio,
        )

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        """Add what the model reads beyond the record, in TensorFlow.

        The input pipeline and the `evaluate` signature call it.

        Args:
            batch: a batch of `data_prep.records.tensors.parse`.
        """
        return dict(batch)

    def select(self, batch: Batch) -> dict[str, Tensor]:
        """Return the features of a prepared batch that the model reads."""
        return {name: batch[name] for name in self.inputs_read}

    @abstractmethod
    def measure(
        self, batch: Batch, predictions: dict[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """Compute the scalars of each example, float32 `[B]`; training minimizes `objective`."""

    @abstractmethod
    def evaluate_batch(self, batch: Batch, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the scalars that the `evaluate` signature returns, float32 `[B]` each.

        Args:
            batch: a prepared batch.
            predictions: what a call on it returned.
        """

    @abstractmethod
    def serving_inputs(self, clip: ClipConfig) -> InputSpecs:
        """Return the inputs of the served model."""

    @abstractmethod
    def serve(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Answer a request to the served model, in TensorFlow."""

    def held_out_image(self, batch: Batch, predictions: dict[str, Tensor]) -> Tensor | None:
        """Draw a batch and the predictions on it, uint8 `[H, W, 3]`; None for no image."""
        return None

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Return the mean objective, and update the reported means.

        Each of several replicas returns its share, because their gradients are summed.
        """
        scalars = self.measure(x, y_pred, training)
        for name, tracker in self.trackers.items():
            tracker.update_state(scalars[name])
        return ops.mean(scalars["objective"]) / self.replicas

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Tensor]:
        """Return the running means of the reported scalars."""
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def make_train_function(self, force: bool = False) -> None:
        """Make the function that `fit` calls once per batch: Keras's, or `train_on_next`."""
        if self.train_on_next is None:
            super().make_train_function(force)
        else:
            self.train_function = self.train_on_next

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Skip Keras's build from a first batch: model and optimizer are built before `fit`.

        With several workers, Keras would average that batch over them, which fails for a batch
        that is a dict of videos: "Attempt to convert a value with an unsupported type (dict)".
        """
