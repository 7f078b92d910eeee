"""C3, the controllable compositional centrifuge (ICCV 2019): C2 that hears what is wanted."""

import keras
from keras import ops

from data_prep.config import ClipConfig
from models import PACKAGE
from models.networks import layers
from models.networks.audio import AudioVisualFusion, audio_network
from models.networks.c2 import compose
from models.networks.centrifuge import decode
from models.networks.i3d import encode
from models.presets import Preset, check_size


@keras.saving.register_keras_serializable(PACKAGE)
class ScoreHead(keras.layers.Layer):
    """The internal prediction: a score for each output, how far it is from the wanted video.

    Each output is seen by the same small network, meets the sound of its time, and is scored. The
    outputs are read through a stop-gradient: scoring must not move what is scored. Where every
    output has the same network, the scores go along with any permutation of the outputs.

    Args:
        width: channels of the small network.

    Returns of a call on outputs `[B, n, T, H, W, 3]` and audio features `[B, T_a, F, D]`: scores
    `[B, n]`, float32.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.look = keras.Sequential(
            [
                keras.layers.AveragePooling3D((1, 2, 2), padding="same", dtype="float32"),
                *(
                    keras.layers.Conv3D(
                        channels, 3, (1, 2, 2), padding="same", activation="relu",
                        kernel_initializer="he_normal",
                    )
                    for channels in (width // 2, width, width)
                ),
            ],
            name="look",
        )  # fmt: skip
        self.fusion = AudioVisualFusion(name="fusion")
        self.judge = keras.Sequential(
            [
                keras.layers.Conv3D(
                    2 * width, 1, activation="relu", kernel_initializer="he_normal"
                ),
                keras.layers.GlobalAveragePooling3D(),
                # The scores start near the Identity baseline's distances: regressing them from
                # afar would for long drown what separates the layers.
                keras.layers.Dense(
                    1,
                    kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2),
                    bias_initializer=keras.initializers.Constant(0.2),
                    dtype="float32",
                ),
            ],
            name="judge",
        )

    def build(self, outputs_shape, audio_shape):
        """Build the networks for outputs and audio features of these shapes."""
        _, _, t, h, w, _ = outputs_shape
        self.look.build((None, t, h, w, 3))
        self.judge.build((None, t, 1, 1, self.width + audio_shape[-1]))

    def call(self, outputs, audio):
        """Return the scores."""
        _, n, t, h, w, _ = outputs.shape
        videos = ops.reshape(ops.stop_gradient(outputs), (-1, t, h, w, 3))
        seen = ops.mean(self.look(ops.cast(videos, self.compute_dtype)), axis=(2, 3), keepdims=True)
        heard = ops.repeat(audio, n, axis=0)
        return ops.reshape(self.judge(self.fusion(seen, heard)), (-1, n))

    def compute_output_shape(self, outputs_shape, audio_shape):
        """Return the scores' shape."""
        return outputs_shape[:2]

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "width": self.width}


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
    audio = audio_network(sound, preset.audio, norm=preset.norm)
    fused = AudioVisualFusion(name="fusion")(features[-1], audio)
    fused = layers.conv(fused, features[-1].shape[-1], 1, norm=preset.norm, name="fusion_mixed")
    features[-1] = fused
    decoded = decode(features, preset, name="decoder")
    result = compose(decoded, video, preset, outputs, layer_count)
    result["masks"] = masks
    if internal_prediction:
        result["scores"] = ScoreHead(preset.score_width, name="scores")(result["outputs"], audio)
    return keras.Model(
        {"video": video, "sound": sound},
        result,
        name="c3_internal" if internal_prediction else "c3_deterministic",
    )
