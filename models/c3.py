"""C3, the controllable compositional centrifuge (ICCV 2019): C2 that hears what is wanted."""

import keras

from data_prep.config import ClipConfig
from models import layers
from models.audio import AudioVisualFusion, audio_network
from models.c2 import compose, full_resolution
from models.centrifuge import decode
from models.i3d import encode
from models.presets import Preset, check_size


def c3(
    clip: ClipConfig,
    preset: Preset,
    *,
    outputs: int = 2,
    layer_count: int = 2,
    internal_prediction: bool = True,
) -> keras.Model:
    """Build C3: C2 with an audio network, whose features join the encoder's deepest level.

    Args:
        clip: the clip's shape; its sound has `clip.samples` samples.
        preset: the network's widths.
        outputs: number of output videos, `n`.
        layer_count: number of layers composed into them, `m`.
        internal_prediction: add the head that regresses a score `s_i` an output; without it the
            wanted video is trained to come out in slot 1 (deterministic control).

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] and `sound` `[B, S]` in [-1, 1] to C2's
        dict, with internal prediction also `scores` `[B, n]`: the predicted distance `l(V1, O_i)`
        of each output to the video that sounds.

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    sound = keras.Input((clip.samples,), name="sound")
    features, masks = encode(video, preset, masking=True)
    fused = AudioVisualFusion(name="fusion")(features[-1], audio_network(sound, preset.audio))
    fused = layers.conv(fused, features[-1].shape[-1], 1, norm=preset.norm, name="fusion_mixed")
    features[-1] = fused
    decoded = full_resolution(decode(features, preset, name="decoder"), preset)
    result = compose(decoded, video, preset, outputs, layer_count)
    result["masks"] = masks
    if internal_prediction:
        result["scores"] = _scores(fused, decoded, outputs)
    return keras.Model(
        {"video": video, "sound": sound},
        result,
        name="c3_internal" if internal_prediction else "c3_deterministic",
    )


def _scores(fused, decoded, outputs):
    # The deep features know what sounds, the last ones which slot shows what.
    pooled = [
        keras.layers.GlobalAveragePooling3D(name=f"score_pool_{name}")(x)
        for name, x in (("deep", fused), ("full", decoded))
    ]
    x = keras.layers.Concatenate(name="score_features")(pooled)
    x = keras.layers.Dense(128, activation="relu", name="score_hidden")(x)
    return keras.layers.Dense(outputs, dtype="float32", name="scores")(x)
