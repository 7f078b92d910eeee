"""Control modes: how a system is trained and asked for the target clip.

Kept free of Keras until a loss is built or an output is chosen.
"""

from typing import TYPE_CHECKING

from data_prep.registry import lookup
from models.measures import CONTROL_ACCURACY, SCORE_ERROR, Measure
from models.typing import Tensor

if TYPE_CHECKING:
    import keras


class ControlMode:
    """A system without control: any output may hold the target clip.

    Attributes:
        name: the mode's name in exported models.
        title: its name on pages.
        uses_audio: whether the audio of the target clip is an input.
        extra_outputs: what a model of this mode serves beside the separation; see `serve`.
        measures: the measures that say something about such a system.
    """

    name: str = "none"
    title: str = "no control"
    uses_audio: bool = False
    extra_outputs: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()

    def assignment(self) -> "keras.layers.Layer":
        """Build the loss that assigns outputs to V1 and V2."""
        from models.losses.assignment import PermutationInvariantLoss

        return PermutationInvariantLoss()

    def score_error(self, predictions: dict[str, Tensor], to_v1: Tensor) -> Tensor:
        """Compute the error of the predicted scores, float32 `[B]`; 0 without scores.

        Args:
            predictions: the network's outputs.
            to_v1: distances `l(V1, O_i)`, float32 `[B, n]`.
        """
        from keras import ops

        return ops.zeros_like(to_v1[:, 0])

    def choose(self, predictions: dict[str, Tensor]) -> Tensor:
        """Return the chosen output of each example, int32 `[B]`.

        Without scores that is the first output: deterministic control trains it to be the target
        clip, and without control it is a coin flip.
        """
        from keras import ops

        return ops.zeros(ops.shape(predictions["outputs"])[:1], dtype="int32")

    def serve(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `extra_outputs` of the network's outputs."""
        return {}


class DeterministicControl(ControlMode):
    """The first output is trained to be the target clip."""

    name = "deterministic"
    title = "deterministic control"
    uses_audio = True
    extra_outputs = ("chosen",)
    measures = (CONTROL_ACCURACY,)

    def assignment(self) -> "keras.layers.Layer":
        """Build the loss with the fixed assignment."""
        from models.losses.assignment import DeterministicControlLoss

        return DeterministicControlLoss()

    def serve(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `chosen`, int32 `[B]`."""
        return {"chosen": self.choose(predictions)}


class InternalControl(ControlMode):
    """The network scores its outputs, and the smallest score is chosen."""

    name = "internal"
    title = "internal prediction"
    uses_audio = True
    extra_outputs = ("chosen", "scores")
    measures = (CONTROL_ACCURACY, SCORE_ERROR)

    def score_error(self, predictions: dict[str, Tensor], to_v1: Tensor) -> Tensor:
        """Compute `L_reg`, float32 `[B]`."""
        from models.losses.assignment import InternalPredictionLoss

        return InternalPredictionLoss()(predictions["scores"], to_v1)

    def choose(self, predictions: dict[str, Tensor]) -> Tensor:
        """Return the output with the smallest score, int32 `[B]`."""
        from keras import ops

        return ops.cast(ops.argmin(predictions["scores"], axis=-1), "int32")

    def serve(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `chosen`, int32 `[B]`, and `scores`, float32 `[B, n]`."""
        return {"chosen": self.choose(predictions), "scores": predictions["scores"]}


NO_CONTROL = ControlMode()
DETERMINISTIC = DeterministicControl()
INTERNAL = InternalControl()

CONTROL_MODES = {mode.name: mode for mode in (NO_CONTROL, DETERMINISTIC, INTERNAL)}
"""Every control mode by name."""


def get_control_mode(name: str) -> ControlMode:
    """Return the control mode of this name.

    Raises:
        UserError: there is none; the message lists the known ones.
    """
    return lookup(CONTROL_MODES, name, "control mode")
