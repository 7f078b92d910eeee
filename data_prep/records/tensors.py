"""Records as tensors: the reading of records in TensorFlow, eagerly and in graphs.

A place says where a clip is cropped out of a strip: (top, left), each a share of the margin in
[0, 1).
"""

from collections.abc import Callable

import tensorflow as tf

from data_prep.config import ClipConfig
from data_prep.media import pcm
from data_prep.mixing.compose import EVEN_SHARE
from data_prep.records.features import FEATURES, FLOATS, INTS, TEXTS
from data_prep.records.strips import CENTER


def parse(
    serialized: tf.Tensor, clip: ClipConfig, *, seed: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """Read a batch of records in TensorFlow; works eagerly and in graphs.

    Args:
        serialized: string `[B]`, serialized tf.train.Examples.
        clip: shape of their clips; of larger ones a crop is read.
        seed: int64 `[2]`, decides where V1 and V2 of each record are cropped. The alpha is cropped
            with the clip that it belongs to; see `belongs_to_v2`. None for the center.

    Returns:
        `v1`, `v2` uint8 `[B, T, H, W, 3]`; `alpha` float32 `[B, T, H, W, 1]` in [0, 1]; `audio1`,
        `audio2` float32 `[B, S]` in [-1, 1]; and every text (string), number (float32) and count
        (int64) of the record under its own name, each `[B]`.

    Raises:
        tf.errors.InvalidArgumentError: a feature is missing, or a clip has another shape.
    """
    values = tf.io.parse_example(serialized, feature_spec())
    result = {key: values[key] for key in (*TEXTS, *FLOATS, *INTS)}
    places = draw_places(values["front"], seed)
    for number in ("1", "2"):
        strips = values[f"v{number}_frames"]
        result[f"v{number}"] = _each(parse_frames, strips, clip, places[f"v{number}"], tf.uint8)
        audio = tf.io.decode_raw(values[f"v{number}_sound"], tf.int16)
        audio = tf.reshape(audio, [tf.size(serialized), clip.samples])
        result[f"audio{number}"] = tf.cast(audio, tf.float32) / pcm.FULL_SCALE
    result["alpha"] = _each(parse_alpha, values["alpha"], clip, places["alpha"], tf.float32)
    return result


def feature_spec() -> dict[str, tf.io.FixedLenFeature]:
    """Return the contract as `tf.io.parse_example` reads it."""
    return {key: tf.io.FixedLenFeature([], tf.as_dtype(name)) for key, name in FEATURES.items()}


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


def _each(
    function: Callable[[tf.Tensor, ClipConfig, tf.Tensor], tf.Tensor],
    strips: tf.Tensor,
    clip: ClipConfig,
    places: tf.Tensor,
    dtype: tf.DType,
) -> tf.Tensor:
    """Parse every strip at its place."""
    return tf.map_fn(
        lambda each: function(each[0], clip, each[1]), (strips, places), fn_output_signature=dtype
    )
