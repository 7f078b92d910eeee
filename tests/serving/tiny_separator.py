"""Tiny models that keep to the signatures of a separator."""

from pathlib import Path

import tensorflow as tf

from data_prep.config import ClipConfig

CLIP = ClipConfig(frames=4, fps=8, height=16, width=24, short_side=24, sample_rate=8000)


def save_model(path: Path, *, control: bool, offset: int = 255) -> None:
    """Save a separator whose outputs are the video and `offset - video`.

    With control it chooses the video for a loud sound, and the other for silence. Its masks cannot
    be computed.
    """
    video = tf.TensorSpec([None, CLIP.frames, CLIP.height, CLIP.width, 3], tf.uint8, "video")
    sound = tf.TensorSpec([None, CLIP.samples], tf.float32, "sound")

    def outputs(video):
        uncomputable = tf.reshape(video, [tf.size(video) + 1])
        masks = tf.zeros_like(video[:, tf.newaxis, ..., 0]) + uncomputable[0]
        return {"outputs": tf.stack([video, offset - video], axis=1), "masks": masks}

    def controlled(video, sound):
        loud = tf.reduce_max(tf.abs(sound), axis=1)
        scores = tf.stack([1 - loud, loud], axis=1)
        chosen = tf.argmin(scores, axis=1, output_type=tf.int32)
        return {**outputs(video), "scores": scores, "chosen": chosen}

    def clip(batch):
        told = {"fps": float(CLIP.fps), "sample_rate": CLIP.sample_rate}
        told["short_side"] = CLIP.short_side
        return {name: tf.fill(tf.shape(batch), value) for name, value in told.items()}

    default = (
        tf.function(controlled, input_signature=[video, sound])
        if control
        else tf.function(outputs, input_signature=[video])
    )
    clip = tf.function(clip, input_signature=[tf.TensorSpec([None], tf.int32, "batch")])
    tf.saved_model.save(tf.Module(), str(path), {"serving_default": default, "clip": clip})
