"""Random changes to the clips of a batch, drawn for each clip, before the clips are mixed.

The model composes a mixture from its clips, so the mixture and its targets change alike.
"""

import tensorflow as tf

from data_prep.records.tensors import belongs_to_v2
from models.config import AugmentConfig

Tensors = dict[str, tf.Tensor]

_GRAY = 127.5
_LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in a color's brightness (ITU-R BT.601)."""


def augmented(batch: Tensors, config: AugmentConfig, seed: tf.Tensor) -> Tensors:
    """Change the clips of a batch at random.

    Args:
        batch: a batch of `data_prep.records.tensors.parse`.
        config: what to change, and how much.
        seed: int64 `[2]`, decides everything random.

    Returns:
        The batch with its `v1`, `v2`, `alpha`, `audio1` and `audio2` changed, of the same types,
        shapes and ranges. The alpha is flipped with the clip that it belongs to.
    """
    flips, colors, gains = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    size = tf.size(batch["front"])
    if config.flip:
        batch = _with_flips(batch, tf.random.stateless_uniform([2, size], flips) < 0.5)
    if config.color:
        limits = 1 - config.color, 1 + config.color
        factors = tf.random.stateless_uniform([2, 3, size], colors, *limits)
        videos = {f"v{1 + i}": colored(batch[f"v{1 + i}"], factors[i]) for i in range(2)}
        batch = {**batch, **videos}
    if config.gain:
        decibels = tf.random.stateless_uniform([2, size], gains, -config.gain, config.gain)
        audio = {f"audio{1 + i}": amplified(batch[f"audio{1 + i}"], decibels[i]) for i in range(2)}
        batch = {**batch, **audio}
    return batch


def flipped(videos: tf.Tensor, flips: tf.Tensor) -> tf.Tensor:
    """Swap left and right in some of the videos.

    Args:
        videos: any type, `[B, T, H, W, C]`.
        flips: bool `[B]`.
    """
    return tf.map_fn(
        lambda each: tf.cond(each[1], lambda: tf.reverse(each[0], [2]), lambda: each[0]),
        (videos, flips),
        fn_output_signature=tf.TensorSpec(videos.shape[1:], videos.dtype),
    )


def colored(videos: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Change the colors of videos; factors of 1 leave them as they are.

    The brightness is multiplied, then the contrast to a medium gray, then the saturation.

    Args:
        videos: uint8 `[B, T, H, W, 3]`.
        factors: float32 `[3, B]`, at least 0: of the brightness, the contrast and the saturation.

    Returns:
        uint8 `[B, T, H, W, 3]`, rounded.
    """
    shape = tf.shape(videos)
    colors = tf.cast(tf.reshape(videos, [shape[0], -1, 3]), tf.float32)
    brightness, contrast, saturation = tf.unstack(factors[:, :, None, None])
    # All three together are one affine map of a color: a matrix, and a gray that is added.
    luma = tf.repeat(tf.constant(_LUMA)[:, None], 3, axis=1)
    matrix = saturation * tf.eye(3) + (1 - saturation) * luma
    gray = (1 - contrast) * _GRAY
    changed = colors @ (brightness * contrast * matrix) + (gray + 0.5)  # a cast rounds down
    return tf.reshape(tf.saturate_cast(changed, tf.uint8), shape)


def amplified(audio: tf.Tensor, decibels: tf.Tensor) -> tf.Tensor:
    """Amplify audio float32 `[B, S]` in [-1, 1] by so many dB, `[B]`; peaks are clipped."""
    return tf.clip_by_value(audio * 10 ** (decibels[:, None] / 20), -1.0, 1.0)


def _with_flips(batch: Tensors, flips: tf.Tensor) -> Tensors:
    """Flip V1 and V2, `flips` is bool `[2, B]`, and the alpha with its clip."""
    v1, v2 = tf.unstack(flips)
    chosen = {"v1": v1, "v2": v2, "alpha": tf.where(belongs_to_v2(batch["front"]), v2, v1)}
    return {**batch, **{key: flipped(batch[key], each) for key, each in chosen.items()}}
