"""Grouped channel masking, C2's masks in the encoder."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.networks.inner_calls import InnerCall, Shape, chain
from models.typing import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class GroupedChannelMasking(keras.layers.Layer):
    """`F~_l^c = M_l^c * F_l^c`: multiply each group of channels by its own mask.

    A small convolutional network predicts the masks from the level's own features. A call on
    `[B, T, H, W, C]` returns the masked features, of the same shape, and the masks
    `[B, T, H, W, G]` in [0, 1].

    Args:
        groups: number of channel groups `G`; must divide the channels.
        width: hidden channels of the mask network.

    Raises:
        ValueError: the groups do not divide the channels.
    """

    def __init__(self, groups: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.width = width
        self.hidden = keras.layers.Conv3D(
            width, 3, padding="same", activation="relu", name="hidden"
        )
        # Masks start near 1, so that the encoder starts as an unmasked one.
        self.predict = keras.layers.Conv3D(
            groups, 1, bias_initializer=keras.initializers.Constant(2.0), name="predict"
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
        masks = ops.sigmoid(self.predict(self.hidden(features)))
        size = ops.shape(features)
        channels = features.shape[-1]
        # All positions share one axis, since the CPU's kernels take five axes at most.
        grouped = ops.reshape(features, (-1, self.groups, channels // self.groups))
        masked = grouped * ops.reshape(masks, (-1, self.groups, 1))
        return ops.reshape(masked, size), masks

    def inner_calls(self, features: Shape) -> Iterator[InnerCall]:
        """Give the calls of the mask network's layers."""
        return chain([self.hidden, self.predict], features)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return the shapes of the masked features and of the masks."""
        return shape, (*shape[:-1], self.groups)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "groups": self.groups, "width": self.width}
