"""C3, the controllable compositional centrifuge (ICCV 2019): C2 conditioned on audio."""

import keras

from data_prep.config import ClipConfig
from data_prep.registry import lookup
from models.networks.audio import AudioVisualFusion, audio_network
from models.networks.composition import compositional_head
from models.networks.conv import conv
from models.networks.decoder import decode
from models.networks.i3d import encode
from models.networks.scores import SCORE_HEADS, Scored
from models.presets import Preset, check_size


def c3(
    clip: ClipConfig,
    preset: Preset,
    *,
    outputs: int = 2,
    layers: int = 2,
    scores: str | None = "outputs",
    input_layer: bool = True,
) -> keras.Model:
    """Build C3: C2 with an audio network, whose features join the encoder's deepest level.

    Args:
        clip: the clip's shape; its audio has `clip.samples` samples.
        preset: the network's widths.
        outputs: number of output videos, `n`.
        layers: number of layers composed into them, `m`.
        scores: what a score `s_i` per output is predicted from, a name in
            `models.networks.scores.SCORE_HEADS`: `outputs` matches each finished output with the
            audio, `features` regresses all scores from the features behind them. None predicts no
            scores, and slot 1 is trained to be the target clip (deterministic control).
        input_layer: whether the input itself is a layer, see `models.networks.composition`.

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] and `spectrogram` `[B, T_a, F]`,
        magnitudes, to C2's dict. Unless `scores` is None it also has `scores` `[B, n]`, the
        predicted distance `l(V1, O_i)` of each output to the target clip. If they are predicted
        from the outputs, it has `audio`, the features `[B, T_a', F', D]` that they are matched
        with.

    Raises:
        UserError: the encoder's strides do not divide the clip, or no score head has this name.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    spectrogram = keras.Input(preset.audio.shape(clip.samples), name="spectrogram")
    features, masks = encode(video, preset, masking="independent")
    audio = audio_network(spectrogram, preset.audio, norm=preset.norm)
    fused = AudioVisualFusion(name="fusion")(features[-1], audio)
    fused = conv(fused, features[-1].shape[-1], 1, norm=preset.norm, name="fusion_mixed")
    features[-1] = fused
    decoded = decode(features, preset, name="decoder")
    result = compositional_head(decoded, video, preset, outputs, layers, input_layer=input_layer)
    result["masks"] = masks
    if scores:
        read = Scored(result["outputs"], audio, fused, decoded)
        result |= lookup(SCORE_HEADS, scores, "scores")(read, preset.score_width)
    return keras.Model(
        {"video": video, "spectrogram": spectrogram},
        result,
        name="c3_internal" if scores else "c3_deterministic",
    )
