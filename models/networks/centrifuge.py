"""The Visual Centrifuge (CVPR 2019): a U-Net with I3D's encoder, and its predictor-corrector."""

import keras
from keras import ops

from data_prep.config import ClipConfig
from models import PACKAGE
from models.networks import layers
from models.networks.i3d import encode
from models.presets import Preset, check_size


@keras.saving.register_keras_serializable(PACKAGE)
class SplitOutputs(keras.layers.Layer):
    """Turn `[B, T, H, W, 3n]` into `n` videos, `[B, n, T, H, W, 3]`, float32."""

    def call(self, x):
        """Return the videos."""
        t, h, w, channels = x.shape[1:]
        x = ops.reshape(ops.cast(x, "float32"), (-1, t * h * w, channels // 3, 3))
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, channels // 3, t, h, w, 3))


def decode(features, preset: Preset, *, name: str):
    """Apply the U-Net decoder: transposed convolutions up from the deepest level, with skips.

    Args:
        features: the encoder's features, finest level first.
        preset: the decoder's widths.
        name: prefix of the layers' names.

    Returns:
        Features at the finest level's resolution, for a head that goes on to the full one.
    """
    x = features[-1]
    for level, width, skip in zip(
        reversed(preset.levels[1:]), preset.up, reversed(features[:-1]), strict=True
    ):
        prefix = f"{name}_{level.name}"
        x = layers.up(
            x,
            width,
            up_kernel(level.strides),
            level.strides,
            norm=preset.norm,
            name=prefix,
        )
        x = layers.CropLike(name=f"{prefix}_crop")(x, skip)
        x = keras.layers.Concatenate(name=f"{prefix}_skip")([x, skip])
    return x


def up_kernel(strides):
    """Return twice the strides, so that every position is reached alike: no checkerboard."""
    return tuple(2 * stride if stride > 1 else 3 for stride in strides)


def centrifuge(clip: ClipConfig, preset: Preset, *, outputs: int = 2) -> keras.Model:
    """Build the Centrifuge.

    Args:
        clip: the clip's shape.
        preset: the network's widths.
        outputs: number of output videos, `n`.

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] to `outputs` `[B, n, T, H, W, 3]` in
        [-1, 1].

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    rgb = _with_copies(_predict(video, preset, outputs, name="centrifuge"), video, preset)
    rgb = keras.layers.Activation("tanh", dtype="float32", name="tanh")(rgb)
    return keras.Model({"video": video}, {"outputs": SplitOutputs(name="outputs")(rgb)})


def centrifuge_pc(clip: ClipConfig, preset: Preset, *, outputs: int = 2) -> keras.Model:
    """Build the predictor-corrector Centrifuge.

    A second Centrifuge reads the mixture beside the first one's outputs, and predicts a
    correction that is added to them: before the tanh, which keeps the sum in range. Arguments,
    result and errors are those of `centrifuge`.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    predicted = _with_copies(_predict(video, preset, outputs, name="predictor"), video, preset)
    seen = keras.layers.Concatenate(name="predicted_and_mixed")(
        [keras.layers.Activation("tanh", name="predicted")(predicted), video]
    )
    correction = _predict(seen, preset, outputs, name="corrector")
    rgb = keras.layers.Add(name="corrected", dtype="float32")([predicted, correction])
    rgb = keras.layers.Activation("tanh", dtype="float32", name="tanh")(rgb)
    return keras.Model({"video": video}, {"outputs": SplitOutputs(name="outputs")(rgb)})


def _predict(x, preset, outputs, name):
    features, _ = encode(x, preset, name=f"{name}_encoder")
    features = decode(features, preset, name=f"{name}_decoder")
    strides = preset.levels[0].strides
    return layers.transposed_conv(
        features,
        3 * outputs,
        up_kernel(strides),
        strides,
        scale=1e-2,
        name=f"{name}_rgb",
    )


def _with_copies(rgb, video, preset):
    if not preset.input_skip:
        return rgb
    copies = layers.copied_input(video, rgb.shape[-1] // 3, name="outputs_skip")
    return keras.layers.Add(name="outputs_sum")([rgb, copies])


def identity(clip: ClipConfig, *, outputs: int = 2) -> keras.Model:
    """Build the baseline whose every output is the input; it has no weights."""
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    copies = keras.layers.Concatenate(name="copies")([video] * outputs)
    return keras.Model(
        {"video": video}, {"outputs": SplitOutputs(name="outputs")(copies)}, name="identity"
    )
