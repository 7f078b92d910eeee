"""The compositional head: layers and coefficients, and the outputs composed of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.fused import fused
from models.networks.conv import copied_input, up, up_kernel
from models.networks.decoder import predict_at_full_size
from models.presets import Preset
from models.typing import Tensor

_OWN_LOGIT = {0: 2.0, 1: 4.0}
"""Layers that are the input itself -> what an own layer's coefficient starts at, before softmax."""


@dataclass(frozen=True)
class LayerKinds:
    """What the layers of a compositional head are.

    `layers - exact` layers are predicted; the first `adapted` of these start near the input.

    Attributes:
        layers: number of layers `m`.
        exact: 1 if the first layer is the input itself, else 0.
        adapted: layers that start near the input, as the tanh of it and small predictions.
    """

    layers: int
    exact: int
    adapted: int

    @property
    def predicted(self) -> int:
        """Number of layers that are predicted."""
        return self.layers - self.exact

    def channels(self, outputs: int) -> int:
        """Count the channels of the head's input: RGB per predicted layer, and coefficients."""
        return 3 * self.predicted + outputs * self.layers

    def biases(self, outputs: int) -> list[float]:
        """Return biases of the head's input that start each output as mostly one layer.

        With equal coefficients all outputs would be the same for any layers, a saddle point that
        training takes long to leave.
        """
        biases = [0.0] * self.channels(outputs)
        for output in range(outputs):
            own = (self.exact + output) % self.layers
            biases[3 * self.predicted + output * self.layers + own] = _OWN_LOGIT[self.exact]
        return biases


def layer_kinds(
    preset: Preset, outputs: int, layers: int, *, input_layer: bool = True
) -> LayerKinds:
    """Return the layers of a preset's head.

    As published, all layers are predicted. Where a head reads the input (ours), one layer for each
    output starts near the input, and the others are free. With `input_layer` the first layer is
    also the input itself: an occlusion `V = a V1 + (1 - a) V2` is then undone exactly by
    `O = a V + (1 - a) F`, with `V` the input and `F` what a free layer imagines behind the clip in
    front.
    """
    if not preset.input_skip:
        return LayerKinds(layers, exact=0, adapted=0)
    exact = int(input_layer)
    return LayerKinds(layers, exact, adapted=min(outputs, layers - exact))


@keras.saving.register_keras_serializable(PACKAGE)
class Biases(keras.initializers.Initializer):
    """Given biases, one for each channel.

    Args:
        values: the biases.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Return the biases, of shape `[C]`."""
        return ops.convert_to_tensor(self.values, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"values": self.values}


@keras.saving.register_keras_serializable(PACKAGE)
class Composition(keras.layers.Layer):
    """Compose outputs of layers: `O_i = sum_j beta_ij * L_j`.

    The first channels are predicted layers (RGB, by tanh in [-1, 1]), the other `nm` the
    coefficients `beta_ij` (by softmax over `j`: in [0, 1], summing to 1).

    A call takes predictions `[B, T, H, W, 3p + nm]` for `p` predicted layers. If the kinds say so,
    it also takes the input video `[B, T, H, W, 3]`, which becomes the first layer, and its copies
    `[B, T, H, W, 3a]`, which are added to `a` predicted layers before the tanh. It returns a dict,
    float32: `outputs` `[B, n, T, H, W, 3]`, `layers` `[B, m, T, H, W, 3]`, `coefficients`
    `[B, n, m, T, H, W]`.

    Args:
        outputs: number of outputs `n`.
        layers: number of layers `m`.
        exact: 1 if the first layer is the input itself, else 0.
        adapted: layers that copies of the input are added to.

    Raises:
        ValueError: the predictions have another number of channels.
    """

    def __init__(
        self, outputs: int, layers: int, exact: int = 0, adapted: int = 0, **kwargs: Any
    ) -> None:
        # The input as a layer must not be rounded to half precision.
        super().__init__(autocast=False, **kwargs)
        self.n = outputs
        self.kinds = LayerKinds(layers, exact, adapted)
        self._fused_compose = fused(self._compose)

    def build(self, predicted_shape: tuple[Any, ...], *read_shapes: tuple[Any, ...]) -> None:
        """Check the number of channels."""
        channels = self.kinds.channels(self.n)
        if predicted_shape[-1] != channels:
            raise ValueError(
                f"{self.n} outputs of {self.kinds.layers} layers: must be composed of {channels} "
                f"channels, got {predicted_shape[-1]}"
            )

    def call(
        self,
        predicted: Tensor,
        video: Tensor | None = None,
        copies: Tensor | None = None,
        training: bool = False,
    ) -> dict[str, Tensor]:
        """Return the composed outputs, the layers and the coefficients."""
        compose = self._fused_compose if training else self._compose
        read = [] if video is None else [video, copies]
        outputs, layers, coefficients = compose(predicted, *read)
        return {"outputs": outputs, "layers": layers, "coefficients": coefficients}

    def _compose(self, predicted: Tensor, *read: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n, m = self.n, self.kinds.layers
        predicted = ops.cast(predicted, "float32")
        layers = self._layer_list(predicted, *(ops.cast(each, "float32") for each in read))
        first = 3 * self.kinds.predicted
        rows = [predicted[..., first + i * m : first + (i + 1) * m] for i in range(n)]
        betas = [ops.softmax(row, axis=-1) for row in rows]
        outputs = [sum(beta[..., j, None] * layers[j] for j in range(m)) for beta in betas]
        coefficients = [ops.stack([beta[..., j] for j in range(m)], axis=1) for beta in betas]
        return ops.stack(outputs, axis=1), ops.stack(layers, axis=1), ops.stack(coefficients, 1)

    def _layer_list(
        self, predicted: Tensor, video: Tensor | None = None, copies: Tensor | None = None
    ) -> list[Tensor]:
        def rgb(channels: Tensor, j: int) -> Tensor:
            return channels[..., 3 * j : 3 * j + 3]

        colors = [rgb(predicted, j) for j in range(self.kinds.predicted)]
        if copies is not None:
            adapted = [colors[j] + rgb(copies, j) for j in range(self.kinds.adapted)]
            colors = adapted + colors[self.kinds.adapted :]
        return [video] * self.kinds.exact + [ops.tanh(color) for color in colors]

    def compute_output_shape(
        self, predicted_shape: tuple[Any, ...], *read_shapes: tuple[Any, ...]
    ) -> dict[str, tuple[Any, ...]]:
        """Return the shapes of the outputs, layers and coefficients."""
        batch, *size, _ = predicted_shape
        m = self.kinds.layers
        return {
            "outputs": (batch, self.n, *size, 3),
            "layers": (batch, m, *size, 3),
            "coefficients": (batch, self.n, m, *size),
        }

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "outputs": self.n,
            "layers": self.kinds.layers,
            "exact": self.kinds.exact,
            "adapted": self.kinds.adapted,
        }


def compositional_head(
    features: Tensor,
    video: Tensor,
    preset: Preset,
    outputs: int,
    layers: int,
    *,
    input_layer: bool = True,
) -> dict[str, Any]:
    """Apply the compositional head to the decoder's features; see `Composition`.

    Args:
        features: the decoder's features at the finest level, `[B, T_1, H_1, W_1, C]`.
        video: the mixture `[B, T, H, W, 3]`, read if the preset has an input skip.
        preset: the head's widths.
        outputs: number of outputs `n`.
        layers: number of layers `m`.
        input_layer: whether the input itself is a layer, see `layer_kinds`.
    """
    kinds = layer_kinds(preset, outputs, layers, input_layer=input_layer)
    biases = Biases(kinds.biases(outputs))
    predicted = _predict(features, kinds.channels(outputs), preset, biases)
    head = Composition(outputs, layers, kinds.exact, kinds.adapted, name="composition")
    if not preset.input_skip:
        return head(predicted)
    return head(predicted, video, copied_input(video, kinds.adapted, name="layers_skip"))


def _predict(features: Tensor, channels: int, preset: Preset, biases: Biases) -> Tensor:
    name = "composition_predict"
    if preset.head is None:
        return predict_at_full_size(features, channels, preset, bias_initializer=biases, name=name)
    strides = preset.levels[0].strides
    features = up(
        features, preset.head, up_kernel(strides), strides, norm=preset.norm, name="decoder_full"
    )
    return keras.layers.Conv3D(
        channels,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        bias_initializer=biases,
        name=name,
    )(features)
