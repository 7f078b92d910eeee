"""The compositional head: layers and coefficients, and the outputs composed of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.fused import fused
from models.networks.color_maps import mapped_input
from models.networks.conv import up, up_kernel
from models.networks.decoder import predict_at_full_size
from models.presets import Preset
from models.typing import Tensor

_OWN_LOGIT = {0: 2.0, 1: 4.0}
"""Layers that are the input itself -> what an own layer's coefficient starts at, before softmax."""


@dataclass(frozen=True)
class LayerKinds:
    """What the layers of a compositional head are, in this order.

    Attributes:
        layers: number of layers `m`.
        exact: 1 if the first layer is the input itself, else 0.
        adapted: predicted layers that start near the input, as the tanh of it and small
            predictions. All other predicted layers are free.
        complements: the last layers, `clip(2V - L_j)`; each is what an adapted layer `L_j` leaves
            of the input `V` at even shares.

    Raises:
        ValueError: these layers cannot be.
    """

    layers: int
    exact: int = 0
    adapted: int = 0
    complements: int = 0

    def __post_init__(self) -> None:
        if self.exact not in (0, 1) or not self.complements <= self.adapted <= self.predicted:
            raise ValueError(
                f"layers: exact must be 0 or 1, and complements <= adapted <= predicted, got {self}"
            )

    @property
    def predicted(self) -> int:
        """Number of layers that are predicted."""
        return self.layers - self.exact - self.complements

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

    As published, all layers are predicted. Where a head reads the input (ours), occlusions and
    mixtures at even shares can be undone exactly:

    - With `input_layer` the first layer is the input itself. An occlusion `V = a V1 + (1 - a) V2`
      is undone by `O = a V + (1 - a) F`, with `F` what a free layer imagines behind the clip in
      front.
    - One layer for each output starts near the input. Where it is one video of a transparency
      `V = (V1 + V2) / 2`, its complement `2V - L` is the other, in full detail.

    As many layers as outputs are free before there are complements: with 2 outputs, 7 layers have
    all kinds.
    """
    if not preset.input_skip:
        return LayerKinds(layers)
    exact = int(input_layer)
    adapted = min(outputs, layers - exact)
    complements = min(adapted, max(0, layers - exact - adapted - outputs))
    return LayerKinds(layers, exact, adapted, complements)


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
    coefficients `beta_ij` (by softmax over `j`: in [0, 1], summing to 1). Complements `2V - L` are
    clipped to [-1, 1].

    A call takes predictions `[B, T, H, W, 3p + nm]` for `p` predicted layers. Unless all layers are
    free, it also takes the input video `V` `[B, T, H, W, 3]`, and mapped copies of it
    `[B, T, H, W, 3a]` (see `ColorMaps`), which are added to `a` adapted layers before the tanh. It
    returns a dict, float32: `outputs` `[B, n, T, H, W, 3]`, `layers` `[B, m, T, H, W, 3]`,
    `coefficients` `[B, n, m, T, H, W]`.

    Args:
        outputs: number of outputs `n`.
        layers: number of layers `m`.
        exact: as in `LayerKinds`.
        adapted: likewise.
        complements: likewise.

    Raises:
        ValueError: the predictions have another number of channels, or the input is missing.
    """

    def __init__(
        self,
        outputs: int,
        layers: int,
        exact: int = 0,
        adapted: int = 0,
        complements: int = 0,
        **kwargs: Any,
    ) -> None:
        # The input as a layer must not be rounded to half precision.
        super().__init__(autocast=False, **kwargs)
        self.n = outputs
        self.kinds = LayerKinds(layers, exact, adapted, complements)
        self._fused_outputs = fused(self._outputs)

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
        mapped: Tensor | None = None,
        training: bool = False,
    ) -> dict[str, Tensor]:
        """Return the composed outputs, the layers and the coefficients."""
        read = [] if video is None else [video, mapped]
        if not read and (self.kinds.exact or self.kinds.adapted):
            raise ValueError("composition: must read the input and its mapped copies, got neither")
        composed = self._compose(predicted, *read)
        if not training or self._fused_outputs == self._outputs:
            return composed
        # A kernel that also returns the rest takes twice as long. Training does not read it, and
        # TensorFlow leaves out of a graph what is not read.
        return {**composed, "outputs": self._fused_outputs(predicted, *read)}

    def _outputs(self, *read: Tensor) -> Tensor:
        return self._compose(*read)["outputs"]

    def _compose(self, predicted: Tensor, *read: Tensor) -> dict[str, Tensor]:
        n, m, p = self.n, self.kinds.layers, self.kinds.predicted
        # Each slice's gradient would be as large as all channels; those of a split are joined.
        sizes = [3] * p + [1] * (n * m)
        parts = ops.split(ops.cast(predicted, "float32"), list(accumulate(sizes))[:-1], axis=-1)
        layers = self._layer_list(parts[:p], *(ops.cast(each, "float32") for each in read))
        rows = [_powers(parts[p + i * m : p + (i + 1) * m]) for i in range(n)]
        outputs = [
            sum(power * layer for power, layer in zip(row, layers, strict=True)) / sum(row)
            for row in rows
        ]
        shares = [ops.concatenate(row, axis=-1) / sum(row) for row in rows]
        return {
            "outputs": ops.stack(outputs, axis=1),
            "layers": ops.stack(layers, axis=1),
            "coefficients": ops.stack([ops.moveaxis(share, -1, 1) for share in shares], axis=1),
        }

    def _layer_list(
        self, colors: list[Tensor], video: Tensor | None = None, mapped: Tensor | None = None
    ) -> list[Tensor]:
        kinds = self.kinds
        if kinds.adapted:
            starts = ops.split(mapped, kinds.adapted, axis=-1)
            colors = [*map(ops.add, colors, starts), *colors[kinds.adapted :]]
        layers = [ops.tanh(color) for color in colors]
        if video is None:
            return layers
        others = [ops.clip(2 * video - layer, -1, 1) for layer in layers[: kinds.complements]]
        return [video] * kinds.exact + layers + others

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
            "complements": self.kinds.complements,
        }


def _powers(logits: list[Tensor]) -> list[Tensor]:
    """Return what a softmax divides by its sum."""
    peak = ops.stop_gradient(reduce(ops.maximum, logits))
    return [ops.exp(logit - peak) for logit in logits]


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
    head = Composition(
        outputs, layers, kinds.exact, kinds.adapted, kinds.complements, name="composition"
    )
    if not preset.input_skip:
        return head(predicted)
    mapped = mapped_input(features, video, kinds.adapted, name="layers_skip")
    return head(predicted, video, mapped)


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
