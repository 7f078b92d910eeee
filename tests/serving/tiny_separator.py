"""Tiny models with the signatures of a separator."""

from pathlib import Path

import tensorflow as tf

from data_prep.config import ClipConfig

CLIP = ClipConfig(frames=4, fps=8, height=16, width=24, short_side=24, sample_rate=8000)


def save_model(
    path: Path,
    *,
    control: bool,
    offset: int = 255,
    fps: float = CLIP.fps,
    frames: int = CLIP.frames,
) -> None:
    """Save a separator whose outputs are the video and `offset - video`.

    With control, it chooses the video if the audio is loud, and the other output if it is silent.
    Its masks cannot be computed.
    """
    video = tf.TensorSpec([None, frames, CLIP.height, CLIP.width, 3], tf.uint8, "video")
    audio = tf.TensorSpec([None, CLIP.samples], tf.float32, "audio")

    def outputs(video):
        uncomputable = tf.reshape(video, [tf.size(video) + 1])
        masks = tf.zeros_like(video[:, tf.newaxis, ..., 0]) + uncomputable[0]
        return {"outputs": tf.stack([video, offset - video], axis=1), "masks": masks}

    def controlled(video, audio):
        loud = tf.reduce_max(tf.abs(audio), axis=1)
        scores = tf.stack([1 - loud, loud], axis=1)
        chosen = tf.argmin(scores, axis=1, output_type=tf.int32)
        return {**outputs(video), "scores": scores, "chosen": chosen}

    def description(batch):
        values = {
            "fps": float(fps),
            "sample_rate": CLIP.sample_rate,
            "short_side": CLIP.short_side,
            "uses_audio": control,
            "kind": "controlled-separator" if control else "separator",
            "system": "tiny",
            "control": "internal" if control else "none",
        }
        return {name: tf.fill(tf.shape(batch), value) for name, value in values.items()}

    default = (
        tf.function(controlled, input_signature=[video, audio])
        if control
        else tf.function(outputs, input_signature=[video])
    )
    described = tf.function(description, input_signature=[tf.TensorSpec([None], tf.int32, "batch")])
    signatures = {"serving_default": default, "description": described}
    tf.saved_model.save(tf.Module(), str(path), signatures)
