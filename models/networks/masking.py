"""Grouped channel masking, C2's masks in the encoder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from data_prep.registry import lookup
from models import PACKAGE
from models.networks.inner_calls import InnerCall, Shape, chain
from models.typing import Tensor


@dataclass(frozen=True)
class Masking:
    """How the mask network's predictions become masks.

    Attributes:
        activation: from predictions `[..., G]` to masks `[..., G]` in [0, 1].
        gain: from the number of groups `G` to the factor between a mask and what its group of
            channels is multiplied by.
        kernel: initializer of the predictions' weights.
        bias: initial value of their biases.
    """

    activation: Callable[[Tensor], Tensor]
    gain: Callable[[int], float]
    kernel: str
    bias: float


MASKINGS = {
    # The masks start near 1, so that the encoder starts as an unmasked one.
    "independent": Masking(
        activation=ops.sigmoid, gain=lambda groups: 1.0, kernel="glorot_uniform", bias=2.0
    ),
    # Shares that sum to 1 over the groups. Times their number, the mean factor is always 1, and
    # equal shares at the start make every factor 1.
    "competing": Masking(
        activation=ops.softmax, gain=lambda groups: float(groups), kernel="zeros", bias=0.0
    ),
}
"""Every way to mask by name: the papers' `[0, 1]` for each group, or shares of one whole."""


@keras.saving.register_keras_serializable(PACKAGE)
class GroupedChannelMasking(keras.layers.Layer):
    """`F~_l^c = g * M_l^c * F_l^c`: multiply each group of channels by its own mask.

    A small convolutional network predicts the masks from the level's own features. A call on
    `[B, T, H, W, C]` returns the masked features, of the same shape, and the masks
    `[B, T, H, W, G]` in [0, 1]. Independent masks have the gain `g = 1`, as published. Competing
    masks are returned as shares that sum to 1 over the groups, and have the gain `g = G`.

    Args:
        groups: number of channel groups `G`; must divide the channels.
        width: hidden channels of the mask network.
        masking: a name in `MASKINGS`.

    Raises:
        ValueError: the groups do not divide the channels.
        UserError: there is no such masking; the message lists the known ones.
    """

    def __init__(
        self, groups: int, width: int, masking: str = "independent", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.width = width
        self.masking = masking
        self._kind = lookup(MASKINGS, masking, "masking")
        self.hidden = keras.layers.Conv3D(
            width, 3, padding="same", activation="relu", name="hidden"
        )
        self.predict = keras.layers.Conv3D(
            groups,
            1,
            kernel_initializer=self._kind.kernel,
            bias_initializer=keras.initializers.Constant(self._kind.bias),
            name="predict",
        )

    def build(self, shape: tuple[Any, ...]) -> None:
        """Build the mask network for features of this shape."""
        if shape[-1] % self.groups:
            raise ValueError(
                f"groups: must divide the channels, got groups={self.groups}, channels={shape[-1]}"
            )
        self.hidden.build(shape)
        self.predict.build((*shape[:-1], self.width))

    def call(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the masked features and the masks."""
        masks = self._kind.activation(self.predict(self.hidden(features)))
        factors = self._kind.gain(self.groups) * masks
        size = ops.shape(features)
        channels = features.shape[-1]
        # All positions share one axis, since the CPU's kernels take five axes at most.
        grouped = ops.reshape(features, (-1, self.groups, channels // self.groups))
        masked = grouped * ops.reshape(factors, (-1, self.groups, 1))
        return ops.reshape(masked, size), masks

    def inner_calls(self, features: Shape) -> Iterator[InnerCall]:
        """Give the calls of the mask network's layers."""
        return chain([self.hidden, self.predict], features)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return the shapes of the masked features and of the masks."""
        return shape, (*shape[:-1], self.groups)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"groups": self.groups, "width": self.width, "masking": self.masking}
        return {**super().get_config(), **own}
