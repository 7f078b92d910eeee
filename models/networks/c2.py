"""C2, the compositional centrifuge (ICCV 2019): a masking encoder, a compositional decoder."""

import keras

from data_prep.config import ClipConfig
from models.networks import layers
from models.networks.centrifuge import decode, up_kernel
from models.networks.i3d import encode
from models.presets import Preset, check_size


def c2(
    clip: ClipConfig,
    preset: Preset,
    *,
    outputs: int = 2,
    layer_count: int = 2,
    masking: bool = True,
) -> keras.Model:
    """Build C2.

    Args:
        clip: the clip's shape.
        preset: the network's widths.
        outputs: number of output videos, `n`.
        layer_count: number of layers composed into them, `m`.
        masking: grouped channel masking in the encoder; False is "C2 without masking".

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] to the dict of `Composition`: `outputs`,
        `layers`, `coefficients`; with masking also `masks`, a list with `[B, T_l, H_l, W_l, G]`
        a level.

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    features, masks = encode(video, preset, masking=masking)
    decoded = decode(features, preset, name="decoder")
    result = compose(decoded, video, preset, outputs, layer_count)
    if masking:
        result["masks"] = masks
    return keras.Model({"video": video}, result, name="c2" if masking else "c2_no_masking")


def compose(features, video, preset: Preset, outputs: int, layer_count: int) -> dict:
    """Apply the compositional head to the decoder's features; see `layers.Composition`."""
    predicted = _predict(features, preset, outputs, layer_count)
    head = layers.Composition(outputs, layer_count, name="composition")
    if preset.input_skip:
        return head(predicted, layers.copied_input(video, layer_count, name="layers_skip"))
    return head(predicted)


def _predict(features, preset, outputs, layer_count):
    channels = layers.predicted_channels(outputs, layer_count)
    bias = layers.OwnLayerFirst(outputs, layer_count)
    strides = preset.levels[0].strides
    kernel = up_kernel(strides)
    if preset.head is None:
        return layers.transposed_conv(
            features,
            channels,
            kernel,
            strides,
            bias_initializer=bias,
            scale=1e-2,
            name="composition_predict",
        )
    features = layers.up(
        features, preset.head, kernel, strides, norm=preset.norm, name="decoder_full"
    )
    return keras.layers.Conv3D(
        channels,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        bias_initializer=bias,
        name="composition_predict",
    )(features)
