"""The type of a task: what a system learns, serves and is measured by.

Kept free of Keras and TensorFlow; the task's model class is imported when a model is built.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.errors import UserError
from models.measures import Measure
from models.presets import get_preset
from models.resolving import resolve
from models.tasks.bounds import Bound, EvaluationSettings

if TYPE_CHECKING:
    from data_prep.config import ClipConfig
    from data_prep.records.info import SplitInfo
    from models.config import ModelConfig
    from models.systems import System
    from models.tasks.trainable import TrainableModel


@dataclass(frozen=True)
class Task:
    """A kind of model. Models of one kind can replace each other behind the same server.

    Attributes:
        kind: the name that models are served under; also part of the pipeline's name.
        title: its name on pages.
        model_class: the `TrainableModel` subclass, as `package.module:Class`.
        scalars: outputs of the `evaluate` signature, one value per example.
        measures: the measures that describe every model of the task.
        bounds: settings -> measure name -> the bound that a model must keep to be pushed.
        separates_layers: whether the model's outputs are videos, the layers of its input.
        uses_audio: whether the model takes the audio of the target clip.
        needs_classes: whether the model classifies, so that records need at least two classes.
    """

    kind: str
    title: str
    model_class: str
    scalars: tuple[str, ...]
    measures: tuple[Measure, ...]
    bounds: Callable[[EvaluationSettings], Mapping[str, Bound]]
    separates_layers: bool = False
    uses_audio: bool = False
    needs_classes: bool = False

    def thresholds(self, settings: EvaluationSettings) -> dict[str, Bound]:
        """Return measure name -> the bound that a model must keep to be pushed."""
        return dict(self.bounds(settings))

    def build(
        self, system: "System", model: "ModelConfig", clip: "ClipConfig", labels: Sequence[str]
    ) -> "TrainableModel":
        """Build a system's model with fresh weights.

        Args:
            system: a system of this task.
            model: the preset, and the numbers of outputs and layers.
            clip: the shape of the clips.
            labels: names of the classes; only read if the task needs classes.
        """
        preset = get_preset(model.preset)
        network = system.build(
            clip, preset, outputs=model.outputs, layers=model.layers, classes=len(labels)
        )
        return resolve(self.model_class)(network, system, preset, labels)

    def check_records(self, info: "SplitInfo", system: "System") -> None:
        """Check that a system of this task can be trained on records.

        Args:
            info: description of the training split.
            system: the system to train.

        Raises:
            UserError: the system uses audio and no mixture has any, or it classifies and the
                records have fewer than two classes.
        """
        if self.uses_audio and not info.with_audio:
            raise UserError(
                f"system {system.name}: must be trained on mixtures with audio, got "
                f"{info.mixtures} training mixtures without any"
            )
        if self.needs_classes and len(info.classes) < 2:
            raise UserError(
                f"system {system.name}: must be trained on at least 2 classes, got {info.classes}"
            )
