"""The score head of C3, by which internal prediction chooses an output."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.networks.audio import AudioVisualFusion
from models.networks.inner_calls import InnerCall, Shape, chain
from models.typing import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class ScoreHead(keras.layers.Layer):
    """Predict a score for each output: its distance to the target clip.

    The same small network encodes each output, fuses it with the audio of the same time, and scores
    it. The
    outputs are read through a stop-gradient, so that scoring does not move them. Since all outputs
    share the network, permuting the outputs permutes the scores.

    A call on outputs `[B, n, T, H, W, 3]` and audio features `[B, T_a, F, D]` returns scores
    `[B, n]`, float32.

    Args:
        width: channels of the small network.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        convolutions = [
            keras.layers.Conv3D(
                channels,
                3,
                (1, 2, 2),
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
            )
            for channels in (width // 2, width, width)
        ]
        half_size = keras.layers.AveragePooling3D((1, 2, 2), padding="same", dtype="float32")
        self.encoder = keras.Sequential([half_size, *convolutions], name="encoder")
        self.fusion = AudioVisualFusion(name="fusion")
        self.head = keras.Sequential(
            [
                keras.layers.Conv3D(
                    2 * width, 1, activation="relu", kernel_initializer="he_normal"
                ),
                keras.layers.GlobalAveragePooling3D(),
                # Scores start near the Identity baseline's distances. Regressing them from afar
                # would long drown out the gradients that separate the layers.
                keras.layers.Dense(
                    1,
                    kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2),
                    bias_initializer=keras.initializers.Constant(0.2),
                    dtype="float32",
                ),
            ],
            name="head",
        )

    def build(self, outputs_shape: tuple[Any, ...], audio_shape: tuple[Any, ...]) -> None:
        """Build the networks for outputs and audio features of these shapes."""
        _, _, t, h, w, _ = outputs_shape
        self.encoder.build((None, t, h, w, 3))
        self.head.build((None, t, 1, 1, self.width + audio_shape[-1]))

    def call(self, outputs: Tensor, audio: Tensor) -> Tensor:
        """Return the scores."""
        _, n, t, h, w, _ = outputs.shape
        videos = ops.reshape(ops.stop_gradient(outputs), (-1, t, h, w, 3))
        encoded = ops.mean(
            self.encoder(ops.cast(videos, self.compute_dtype)), axis=(2, 3), keepdims=True
        )
        audio = ops.repeat(audio, n, axis=0)
        return ops.reshape(self.head(self.fusion(encoded, audio)), (-1, n))

    def inner_calls(self, outputs: Shape, audio: Shape) -> Iterator[InnerCall]:
        """Yield the calls of the small network's layers."""
        batch, n, t, h, w, _ = outputs
        yield from chain(self.encoder.layers, (batch * n, t, h, w, 3))
        encoded = (batch * n, t, 1, 1, self.width)
        repeated = (batch * n, *audio[1:])
        yield InnerCall(self.fusion, (encoded, repeated))
        yield from chain(self.head.layers, self.fusion.compute_output_shape(encoded, repeated))

    def compute_output_shape(
        self, outputs_shape: tuple[Any, ...], audio_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the scores' shape."""
        return outputs_shape[:2]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "width": self.width}
