"""A tiny controlled model that returns layers, coefficients and masks too."""

from pathlib import Path

import tensorflow as tf
from tiny_separator import CLIP


def save_layered_model(path: Path) -> None:
    """Save a separator whose outputs are the video and its negative.

    It chooses the video if the first half of the audio is at least as loud as the second. The
    layers are the outputs and black; the coefficients of output i are white for layer i; one of
    the nine masks is white and the others are black.
    """
    video = tf.TensorSpec([None, CLIP.frames, CLIP.height, CLIP.width, 3], tf.uint8, "video")
    audio = tf.TensorSpec([None, CLIP.samples], tf.float32, "audio")

    @tf.function(input_signature=[video, audio])
    def separate(video, audio):
        black = tf.zeros_like(video)
        dark = black[..., 0]
        white = 255 - dark
        early, late = (tf.reduce_mean(tf.abs(half), axis=1) for half in tf.split(audio, 2, axis=1))
        scores = tf.stack([late, early], axis=1)
        return {
            "outputs": tf.stack([video, 255 - video], axis=1),
            "layers": tf.stack([video, 255 - video, black], axis=1),
            "coefficients": tf.stack(
                [tf.stack([white, dark, dark], axis=1), tf.stack([dark, white, dark], axis=1)],
                axis=1,
            ),
            "masks": tf.stack([white, *[dark] * 8], axis=1),
            "scores": scores,
            "chosen": tf.argmin(scores, axis=1, output_type=tf.int32),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "batch")])
    def description(batch):
        values = {
            "fps": float(CLIP.fps),
            "sample_rate": CLIP.sample_rate,
            "short_side": CLIP.short_side,
            "uses_audio": True,
            "kind": "controlled-separator",
            "system": "tiny",
            "control": "internal",
        }
        return {name: tf.fill(tf.shape(batch), value) for name, value in values.items()}

    signatures = {"serving_default": separate, "description": description}
    tf.saved_model.save(tf.Module(), str(path), signatures)
