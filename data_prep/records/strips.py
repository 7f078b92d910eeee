"""Strips: the frames of a clip below each other in one image, and the crop that readers take.

Recorded frames may be higher and wider than the clip, both by the same margin. The width of the
strip shows how much. Every reader crops them to the clip's size. A place says where: (top, left),
each a share of the margin in [0, 1).
"""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from data_prep.config import ClipConfig
from data_prep.mixing.compose import EVEN_SHARE
from data_prep.records.features import RecordError

CENTER = 0.5
"""Share of the margin above, and to the left of, the center crop."""


def belongs_to_v2(front: tf.Tensor) -> tf.Tensor:
    """Say which alphas follow V2 when clips are moved, bool `[B]`; the others follow V1.

    An alpha belongs to the clip in front, from which it was made. Where neither is, it was made
    from V1.

    Args:
        front: int64 `[B]`, the feature `front`.
    """
    return tf.equal(front, 2)


def draw_places(front: tf.Tensor, seed: tf.Tensor | None) -> dict[str, tf.Tensor]:
    """Return where to crop `v1`, `v2` and `alpha`, float32 `[B, 2]` each.

    Args:
        front: int64 `[B]`, the feature `front`.
        seed: int64 `[2]`, decides the places; None for the center.
    """
    shape = [2, tf.size(front), 2]
    random = tf.random.stateless_uniform
    v1, v2 = tf.unstack(tf.fill(shape, CENTER) if seed is None else random(shape, seed))
    return {"v1": v1, "v2": v2, "alpha": tf.where(belongs_to_v2(front)[:, None], v2, v1)}


def encode_frames(frames: np.ndarray) -> bytes:
    """Encode uint8 `[T, H, W, 3]` as a JPEG of `[T*H, W]` pixels."""
    strip = Image.fromarray(frames.reshape(-1, *frames.shape[2:]))
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def encode_alpha(alpha: np.ndarray) -> bytes:
    """Encode bool or float `[T, H, W]` in [0, 1] as a PNG of `[T*H, W]` pixels of 8 bits."""
    levels = np.round(alpha.astype(np.float32) * 255).astype(np.uint8)
    strip = Image.fromarray(levels.reshape(-1, alpha.shape[2]))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def decode_strip(strip: bytes, clip: ClipConfig, channels: int) -> np.ndarray:
    """Decode the center of a strip.

    Args:
        strip: a JPEG or PNG.
        clip: the shape to return.
        channels: 3 for frames, 1 for an alpha.

    Returns:
        uint8 `[T, H, W, channels]`.

    Raises:
        RecordError: the strip holds no clip of this shape, with or without a margin.
    """
    pixels = np.asarray(Image.open(io.BytesIO(strip)))
    margin = max(0, pixels.shape[1] - clip.width)
    height, width = clip.height + margin, clip.width + margin
    if pixels.shape[:2] != (clip.frames * height, width):
        raise RecordError(
            f"a clip of {clip.frames} frames of {height}x{width}: must be a strip of "
            f"{clip.frames * height}x{width}, got {pixels.shape[0]}x{pixels.shape[1]}"
        )
    start = int(CENTER * (margin + 1))
    rows, columns = slice(start, start + clip.height), slice(start, start + clip.width)
    return pixels.reshape(clip.frames, height, width, channels)[:, rows, columns]


def parse_frames(strip: tf.Tensor, clip: ClipConfig, place: tf.Tensor) -> tf.Tensor:
    """Decode a crop of frames in TensorFlow.

    Args:
        strip: string `[]`, a JPEG.
        clip: the shape to return.
        place: float32 `[2]`, where to crop.

    Returns:
        uint8 `[T, H, W, 3]`.

    Raises:
        tf.errors.InvalidArgumentError: the strip holds no clip of this shape.
    """
    # The default DCT is faster, but costs 3 dB.
    pixels = tf.io.decode_jpeg(strip, channels=3, dct_method="INTEGER_ACCURATE")
    return _cropped(pixels, clip, place)


def parse_alpha(strip: tf.Tensor, clip: ClipConfig, place: tf.Tensor) -> tf.Tensor:
    """Decode a crop of an alpha in TensorFlow; an empty strip stands for `EVEN_SHARE`.

    Args:
        strip: string `[]`, a PNG.
        clip: the shape to return.
        place: float32 `[2]`, where to crop.

    Returns:
        float32 `[T, H, W, 1]` in [0, 1].

    Raises:
        tf.errors.InvalidArgumentError: the strip holds no alpha of this shape.
    """

    def stored() -> tf.Tensor:
        pixels = _cropped(tf.io.decode_png(strip, channels=1), clip, place)
        return tf.cast(pixels, tf.float32) / 255.0

    shape = [clip.frames, clip.height, clip.width, 1]
    return tf.cond(tf.equal(strip, ""), lambda: tf.fill(shape, EVEN_SHARE), stored)


def _cropped(pixels: tf.Tensor, clip: ClipConfig, place: tf.Tensor) -> tf.Tensor:
    """Crop a strip `[T*H, W, C]`; one of a wrong size cannot be reshaped or cropped."""
    channels = pixels.shape[2]
    margin = tf.shape(pixels)[1] - clip.width
    frames = tf.reshape(pixels, [clip.frames, clip.height + margin, clip.width + margin, channels])
    top, left = tf.unstack(tf.cast(place * tf.cast(margin + 1, tf.float32), tf.int32))
    return tf.slice(frames, [0, top, left, 0], [clip.frames, clip.height, clip.width, channels])
