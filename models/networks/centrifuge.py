"""The Visual Centrifuge (CVPR 2019): a U-Net with I3D's encoder, and its predictor-corrector."""

import keras

from data_prep.config import ClipConfig
from models.networks.color_maps import mapped_input
from models.networks.conv import SplitOutputs
from models.networks.decoder import decode, predict_at_full_size
from models.networks.i3d import encode
from models.networks.recomposition import RecompositionError
from models.networks.widening import widened
from models.presets import Preset, check_size
from models.typing import Tensor


def centrifuge(
    clip: ClipConfig,
    preset: Preset,
    *,
    outputs: int = 2,
    width: tuple[float, float] = (1.0, 1.0),
) -> keras.Model:
    """Build the Centrifuge.

    Args:
        clip: the clip's shape.
        preset: the network's widths.
        outputs: number of output videos, `n`.
        width: factors of the encoder's and the decoder's channels; see `widened`.

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] to `outputs` `[B, n, T, H, W, 3]` in
        [-1, 1].

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    preset = widened(preset, *width)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    rgb = _predict(video, preset, outputs, name="centrifuge", start=video)
    rgb = keras.layers.Activation("tanh", dtype="float32", name="tanh")(rgb)
    return keras.Model({"video": video}, {"outputs": SplitOutputs(name="outputs")(rgb)})


def centrifuge_pc(
    clip: ClipConfig, preset: Preset, *, outputs: int = 2, reads_error: bool = False
) -> keras.Model:
    """Build the predictor-corrector Centrifuge.

    A second Centrifuge reads the mixture and the first one's outputs, and predicts a correction.
    It is added before the tanh, which keeps the sum in range.

    Args:
        clip: the clip's shape.
        preset: the network's widths.
        outputs: number of output videos, `n`.
        reads_error: the second one reads the errors of `RecompositionError` instead of the outputs.

    Returns:
        A model with the inputs and outputs of `centrifuge`.

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    predicted = _predict(video, preset, outputs, name="predictor", start=video)
    read = keras.layers.Activation("tanh", name="predicted")(predicted)
    if reads_error:
        read = RecompositionError(name="error")(read, video)
    seen = keras.layers.Concatenate(name="predicted_and_mixed")([read, video])
    correction = _predict(seen, preset, outputs, name="corrector")
    rgb = keras.layers.Add(name="corrected", dtype="float32")([predicted, correction])
    rgb = keras.layers.Activation("tanh", dtype="float32", name="tanh")(rgb)
    return keras.Model({"video": video}, {"outputs": SplitOutputs(name="outputs")(rgb)})


def _predict(
    x: Tensor, preset: Preset, outputs: int, name: str, *, start: Tensor | None = None
) -> Tensor:
    """Apply a U-Net; with `start`, each output begins near that video if the preset allows."""
    features, _ = encode(x, preset, name=f"{name}_encoder")
    features = decode(features, preset, name=f"{name}_decoder")
    rgb = predict_at_full_size(features, 3 * outputs, preset, name=f"{name}_rgb")
    if start is None or not preset.input_skip:
        return rgb
    mapped = mapped_input(features, start, outputs, name="outputs_skip")
    return keras.layers.Add(name="outputs_sum", dtype="float32")([rgb, mapped])


def identity(clip: ClipConfig, preset: Preset, *, outputs: int = 2) -> keras.Model:
    """Build the baseline that returns its input as every output; it has no weights.

    Args:
        clip: the clip's shape.
        preset: not read; every builder takes one.
        outputs: number of output videos, `n`.
    """
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    copies = keras.layers.Concatenate(name="copies", dtype="float32")([video] * outputs)
    return keras.Model(
        {"video": video},
        {"outputs": SplitOutputs(name="outputs")(copies)},
        name="identity",
    )
