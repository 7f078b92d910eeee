"""The compositional head: layers and coefficients, and the outputs composed of them."""

from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.fused import fused
from models.networks.conv import copied_input, transposed_conv, up, up_kernel
from models.presets import Preset
from models.typing import Tensor


def predicted_channels(outputs: int, layers: int) -> int:
    """Count the channels of the head's input: RGB per layer, one per pair of output and layer."""
    return 3 * layers + outputs * layers


@keras.saving.register_keras_serializable(PACKAGE)
class OwnLayerFirst(keras.initializers.Initializer):
    """Biases of the compositional head that start each output as mostly one layer.

    With equal coefficients all outputs would be the same for any layers, a saddle point that
    training takes long to leave.

    Args:
        outputs: number of outputs `n`.
        layers: number of layers `m`.
    """

    def __init__(self, outputs: int, layers: int) -> None:
        self.outputs = outputs
        self.layers = layers

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Return the biases, `[3m + nm]`: 2 for output i and layer i modulo m, else 0."""
        n, m = self.outputs, self.layers
        own = ops.one_hot([i % m for i in range(n)], m, dtype=dtype)
        return ops.concatenate([ops.zeros(3 * m, dtype=dtype), 2.0 * ops.reshape(own, (-1,))])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"outputs": self.outputs, "layers": self.layers}


@keras.saving.register_keras_serializable(PACKAGE)
class Composition(keras.layers.Layer):
    """Compose outputs of layers: `O_i = sum_j beta_ij * L_j`.

    The first `3m` predicted channels become the `m` layers (RGB, by tanh in [-1, 1]), the other
    `nm` the coefficients `beta_ij` (by softmax over `j`: in [0, 1], summing to 1).

    A call takes predictions `[B, T, H, W, 3m + nm]` and `copies` `[B, T, H, W, 3m]` or None, which
    are added to the layers before the tanh. It returns a dict, float32: `outputs`
    `[B, n, T, H, W, 3]`, `layers` `[B, m, T, H, W, 3]`, `coefficients` `[B, n, m, T, H, W]`.

    Args:
        outputs: number of outputs `n`.
        layers: number of layers `m`.

    Raises:
        ValueError: the predictions have another number of channels.
    """

    def __init__(self, outputs: int, layers: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = outputs
        self.m = layers
        self._fused_compose = fused(self._compose)

    def build(
        self, predicted_shape: tuple[Any, ...], copies_shape: tuple[Any, ...] | None = None
    ) -> None:
        """Check the number of channels."""
        channels = predicted_channels(self.n, self.m)
        if predicted_shape[-1] != channels:
            raise ValueError(
                f"{self.n} outputs of {self.m} layers: must be composed of {channels} channels, "
                f"got {predicted_shape[-1]}"
            )

    def call(
        self, predicted: Tensor, copies: Tensor | None = None, training: bool = False
    ) -> dict[str, Tensor]:
        """Return the composed outputs, the layers and the coefficients."""
        compose = self._fused_compose if training else self._compose
        if copies is None:
            copies = ops.zeros_like(predicted[..., : 3 * self.m])
        outputs, layers, coefficients = compose(predicted, copies)
        return {"outputs": outputs, "layers": layers, "coefficients": coefficients}

    def _compose(self, predicted: Tensor, copies: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n, m = self.n, self.m
        predicted = ops.cast(predicted, "float32")
        colors = ops.tanh(predicted[..., : 3 * m] + ops.cast(copies, "float32"))
        layers = [colors[..., 3 * j : 3 * j + 3] for j in range(m)]
        rows = [predicted[..., 3 * m + i * m : 3 * m + (i + 1) * m] for i in range(n)]
        betas = [ops.softmax(row, axis=-1) for row in rows]
        outputs = [sum(beta[..., j, None] * layers[j] for j in range(m)) for beta in betas]
        coefficients = [ops.stack([beta[..., j] for j in range(m)], axis=1) for beta in betas]
        return ops.stack(outputs, axis=1), ops.stack(layers, axis=1), ops.stack(coefficients, 1)

    def compute_output_shape(
        self, predicted_shape: tuple[Any, ...], copies_shape: tuple[Any, ...] | None = None
    ) -> dict[str, tuple[Any, ...]]:
        """Return the shapes of the outputs, layers and coefficients."""
        batch, *size, _ = predicted_shape
        return {
            "outputs": (batch, self.n, *size, 3),
            "layers": (batch, self.m, *size, 3),
            "coefficients": (batch, self.n, self.m, *size),
        }

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "outputs": self.n, "layers": self.m}


def compositional_head(
    features: Tensor, video: Tensor, preset: Preset, outputs: int, layers: int
) -> dict[str, Any]:
    """Apply the compositional head to the decoder's features; see `Composition`.

    Args:
        features: the decoder's features at the finest level, `[B, T_1, H_1, W_1, C]`.
        video: the mixture `[B, T, H, W, 3]`, read if the preset has an input skip.
        preset: the head's widths.
        outputs: number of outputs `n`.
        layers: number of layers `m`.
    """
    predicted = _predict(features, preset, outputs, layers)
    head = Composition(outputs, layers, name="composition")
    if preset.input_skip:
        return head(predicted, copied_input(video, layers, name="layers_skip"))
    return head(predicted)


def _predict(features: Tensor, preset: Preset, outputs: int, layers: int) -> Tensor:
    channels = predicted_channels(outputs, layers)
    bias = OwnLayerFirst(outputs, layers)
    strides = preset.levels[0].strides
    kernel = up_kernel(strides)
    if preset.head is None:
        return transposed_conv(
            features,
            channels,
            kernel,
            strides,
            bias_initializer=bias,
            scale=1e-2,
            name="composition_predict",
        )
    features = up(features, preset.head, kernel, strides, norm=preset.norm, name="decoder_full")
    return keras.layers.Conv3D(
        channels,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        bias_initializer=bias,
        name="composition_predict",
    )(features)
