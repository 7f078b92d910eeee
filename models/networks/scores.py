"""The score heads of C3, by which internal prediction chooses an output."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
from keras import ops

from models import PACKAGE
from models.networks.audio import in_steps
from models.networks.inner_calls import InnerCall, Shape, chain
from models.typing import Tensor

_LITTLE_VARIANCE = 1e-2
"""Features that vary less over time than this count as constant."""


@keras.saving.register_keras_serializable(PACKAGE)
class ScoreHead(keras.layers.Layer):
    """Match each finished output with the audio: predict its distance to the target clip.

    The same small network encodes each output, averages over space, and compares it with the audio
    in two ways: the correlation over time of every visual channel with one of the audio, which
    tells whether both change at the same moments, and the means over time of both, which tell
    whether what is seen sounds like this. Without the correlation, a head learns the training
    videos by heart: it separates two held-out clips of a class no better than chance. The outputs
    are read through a stop-gradient, so that scoring does not move them. Since all outputs share
    the network, permuting the outputs permutes the scores.

    A call on outputs `[B, n, T, H, W, 3]` and audio features `[B, T_a, F, D]` returns scores
    `[B, n]`, float32.

    Args:
        width: channels of the small network.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        half_size = keras.layers.AveragePooling3D((1, 2, 2), padding="same", dtype="float32")
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
        self.encoder = keras.Sequential([half_size, *convolutions], name="encoder")
        self.seen = keras.layers.Conv1D(width, 3, padding="same", name="seen")
        self.heard = keras.layers.Conv1D(width, 3, padding="same", name="heard")
        self.head = keras.Sequential(
            [
                keras.layers.Dense(2 * width, activation="relu", kernel_initializer="he_normal"),
                _regression(1),
            ],
            name="head",
        )

    def build(self, outputs_shape: tuple[Any, ...], audio_shape: tuple[Any, ...]) -> None:
        """Build the networks for outputs and audio features of these shapes."""
        _, _, t, h, w, _ = outputs_shape
        self.encoder.build((None, t, h, w, 3))
        self.seen.build((None, t, self.width))
        self.heard.build((None, audio_shape[1], audio_shape[-1]))
        self.head.build((None, 3 * self.width))

    def call(self, outputs: Tensor, audio: Tensor) -> Tensor:
        """Return the scores."""
        _, n, t, h, w, _ = outputs.shape
        videos = ops.reshape(ops.stop_gradient(outputs), (-1, t, h, w, 3))
        encoded = self.encoder(ops.cast(videos, self.compute_dtype))
        seen = self.seen(ops.mean(encoded, axis=(2, 3)))
        heard = in_steps(self.heard(ops.mean(audio, axis=2)), t)
        # Half precision is too coarse for what is subtracted here.
        seen = ops.reshape(ops.cast(seen, "float32"), (-1, n, t, self.width))
        heard = ops.cast(heard, "float32")[:, None]
        means = ops.mean(seen, axis=2), ops.mean(heard, axis=2) * ops.ones((1, n, 1))
        read = ops.concatenate([correlation(seen, heard, axis=2), *means], axis=-1)
        read = ops.reshape(read, (-1, 3 * self.width))
        return ops.reshape(self.head(ops.cast(read, self.compute_dtype)), (-1, n))

    def inner_calls(self, outputs: Shape, audio: Shape) -> Iterator[InnerCall]:
        """Yield the calls of the small network's layers."""
        batch, n, t, h, w, _ = outputs
        yield from chain(self.encoder.layers, (batch * n, t, h, w, 3))
        yield InnerCall(self.seen, ((batch * n, t, self.width),))
        yield InnerCall(self.heard, ((batch, audio[1], audio[-1]),))
        yield from chain(self.head.layers, (batch * n, 3 * self.width))

    def compute_output_shape(
        self, outputs_shape: tuple[Any, ...], audio_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the scores' shape."""
        return outputs_shape[:2]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "width": self.width}


def correlation(x: Tensor, y: Tensor, axis: int) -> Tensor:
    """Return Pearson's correlation along an axis; near 0 for what hardly varies.

    Args:
        x: floats of any shape.
        y: floats that broadcast with them.
        axis: the axis that disappears.
    """

    def standardized(values: Tensor) -> Tensor:
        centered = values - ops.mean(values, axis=axis, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=axis, keepdims=True)
        return centered * ops.rsqrt(variance + _LITTLE_VARIANCE)

    return ops.mean(standardized(x) * standardized(y), axis=axis)


@keras.saving.register_keras_serializable(PACKAGE)
class FeatureScoreHead(keras.layers.Layer):
    """Predict the scores of all outputs from where the target clip is going to be.

    The encoder's deepest features, with the audio in them, and the decoder's finest ones are
    averaged over space and time, and dense layers regress `n` scores from them. No output is read,
    so permuting the outputs does not permute the scores: a score belongs to its slot, and training
    must make the features tell which slot gets which clip. Gradients therefore flow into both
    features, and stop where `InternalPredictionLoss` stops them, at the outputs.

    A call on fused features `[B, T_l, H_l, W_l, C]` and decoded features `[B, T_1, H_1, W_1, D]`
    returns scores `[B, n]`, float32.

    Args:
        outputs: number of outputs `n`.
        width: half the channels of the hidden layer.
    """

    def __init__(self, outputs: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outputs = outputs
        self.width = width
        self.head = keras.Sequential(
            [
                keras.layers.Dense(2 * width, activation="relu", kernel_initializer="he_normal"),
                _regression(outputs),
            ],
            name="head",
        )

    def build(self, fused_shape: tuple[Any, ...], decoded_shape: tuple[Any, ...]) -> None:
        """Build the dense layers for features of these shapes."""
        self.head.build((None, fused_shape[-1] + decoded_shape[-1]))

    def call(self, fused: Tensor, decoded: Tensor) -> Tensor:
        """Return the scores."""
        # Half precision is too coarse for means over so many positions.
        pooled = [ops.mean(ops.cast(x, "float32"), axis=(1, 2, 3)) for x in (fused, decoded)]
        return self.head(ops.cast(ops.concatenate(pooled, axis=-1), self.compute_dtype))

    def inner_calls(self, fused: Shape, decoded: Shape) -> Iterator[InnerCall]:
        """Yield the calls of the dense layers."""
        return chain(self.head.layers, (fused[0], fused[-1] + decoded[-1]))

    def compute_output_shape(
        self, fused_shape: tuple[Any, ...], decoded_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the scores' shape."""
        return (fused_shape[0], self.outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "outputs": self.outputs, "width": self.width}


def _regression(scores: int) -> keras.layers.Dense:
    """Return the last layer of a head, float32.

    Scores start near the Identity baseline's distances. Regressing them from afar would long drown
    out the gradients that separate the layers.
    """
    return keras.layers.Dense(
        scores,
        kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2),
        bias_initializer=keras.initializers.Constant(0.2),
        dtype="float32",
    )


class Scored(NamedTuple):
    """What a head can read.

    Attributes:
        outputs: `[B, n, T, H, W, 3]`.
        audio: the audio network's features, `[B, T_a, F, D]`.
        fused: the encoder's deepest features after the fusion with audio.
        decoded: the decoder's finest features.
    """

    outputs: Tensor
    audio: Tensor
    fused: Tensor
    decoded: Tensor


def _score_outputs(read: Scored, width: int) -> dict[str, Tensor]:
    scores = ScoreHead(width, name="scores")(read.outputs, read.audio)
    return {"scores": scores, "audio": read.audio}


def _score_features(read: Scored, width: int) -> dict[str, Tensor]:
    head = FeatureScoreHead(read.outputs.shape[1], width, name="scores")
    return {"scores": head(read.fused, read.decoded)}


SCORE_HEADS: dict[str, Callable[[Scored, int], dict[str, Tensor]]] = {
    "outputs": _score_outputs,
    "features": _score_features,
}
"""What the scores are predicted from -> a function of what can be read and the head's width.

It returns `scores` `[B, n]`. A head that can score any videos also returns `audio`, the features
that it matches them with.
"""
