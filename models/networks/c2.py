"""C2, the compositional centrifuge (ICCV 2019): a masking encoder, a compositional decoder."""

import keras

from data_prep.config import ClipConfig
from models.networks.composition import compositional_head
from models.networks.decoder import decode
from models.networks.i3d import encode
from models.presets import Preset, check_size


def c2(
    clip: ClipConfig,
    preset: Preset,
    *,
    outputs: int = 2,
    layers: int = 2,
    masking: str | None = "independent",
) -> keras.Model:
    """Build C2.

    Args:
        clip: the clip's shape.
        preset: the network's widths.
        outputs: number of output videos, `n`.
        layers: number of layers composed into them, `m`.
        masking: grouped channel masking in the encoder, a name in
            `models.networks.masking.MASKINGS`; None is "C2 without masking".

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] to `Composition`'s dict: `outputs`,
        `layers`, `coefficients`. With masking it also has `masks`, a list of
        `[B, T_l, H_l, W_l, G]`, one per level.

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    features, masks = encode(video, preset, masking=masking)
    decoded = decode(features, preset, name="decoder")
    result = compositional_head(decoded, video, preset, outputs, layers)
    if masking:
        result["masks"] = masks
    return keras.Model({"video": video}, result, name="c2" if masking else "c2_no_masking")
