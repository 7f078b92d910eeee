"""The record of a mixture: the one feature contract, as a tf.train.Example.

Pictures are strips: a clip's T frames stacked downwards into one JPEG of T*H rows, and the alpha
of an occlusion as one PNG. A transparency's alpha is empty: 0.5 everywhere.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow_metadata.proto.v0 import schema_pb2

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.reading import Clip
from data_prep.mixing.pairing import MIXTURE_TYPES, Pairing, Window

MEDIA = ("v1_frames", "v2_frames", "alpha", "v1_sound", "v2_sound")
TEXTS = (
    *("mixture_id", "mixture_type", "class_pair"),
    *(f"{clip}_{name}" for clip in ("v1", "v2") for name in ("id", "source", "label")),
)
FLOATS = tuple(f"{clip}_{name}" for clip in ("v1", "v2") for name in ("start", "top", "left"))
INTS = (
    "seed",
    *(f"{clip}_{name}" for clip in ("v1", "v2") for name in ("has_sound", "height", "width")),
)
FEATURES: Mapping[str, tf.DType] = {
    **dict.fromkeys((*MEDIA, *TEXTS), tf.string),
    **dict.fromkeys(FLOATS, tf.float32),
    **dict.fromkeys(INTS, tf.int64),
}
"""Every feature of a record and its type; each holds exactly one value."""

SOUND_SCALE = 32_768.0


class RecordError(UserError):
    """A record that does not keep the feature contract."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Two clips and an alpha.

    Attributes:
        pairing: which windows of which videos, and what kind of mixture.
        v1: the wanted clip, whose sound is the control sound.
        v2: the other clip, of the same shape.
        alpha: bool [T, H, W], True where V1 shows; None for 0.5 everywhere.
    """

    pairing: Pairing
    v1: Clip
    v2: Clip
    alpha: np.ndarray | None


def encode(mixture: Mixture) -> bytes:
    """Serializes a mixture; the same mixture gives the same bytes.

    Args:
        mixture: two clips with frames uint8 [T, H, W, 3] and sound int16 [S], and their alpha.

    Returns:
        A serialized tf.train.Example with exactly the features of `FEATURES`.
    """
    pairing = mixture.pairing
    values = {
        "mixture_id": pairing.mixture_id,
        "mixture_type": pairing.mixture_type,
        "seed": pairing.seed,
        "class_pair": f"{pairing.v1.video.label}+{pairing.v2.video.label}",
        "alpha": b"" if mixture.alpha is None else _encode_alpha(mixture.alpha),
    }
    for name, clip, window in (
        ("v1", mixture.v1, pairing.v1),
        ("v2", mixture.v2, pairing.v2),
    ):
        values[f"{name}_frames"] = _encode_frames(clip.frames)
        values[f"{name}_sound"] = clip.sound.astype("<i2").tobytes()
        values[f"{name}_has_sound"] = int(clip.has_sound)
        values.update({f"{name}_{key}": value for key, value in _provenance(window).items()})
    example = tf.train.Example()
    for key in FEATURES:
        _set(example.features.feature[key], FEATURES[key], values[key])
    return example.SerializeToString(deterministic=True)


def check(serialized: bytes) -> None:
    """Checks a record against the feature contract.

    Args:
        serialized: a serialized tf.train.Example.

    Raises:
        RecordError: naming what is missing, what is extra and what has another type or count.
    """
    _values(serialized)


def decode(serialized: bytes, clip: ClipConfig) -> dict:
    """Reads one record into NumPy; what `parse` gives for a batch of one, without the batch axis.

    Args:
        serialized: a serialized tf.train.Example.
        clip: the shape of its clips.

    Returns:
        The dictionary of `parse`, with arrays for media and str, int or float for the rest.

    Raises:
        RecordError: the record does not keep the contract or has clips of another shape.
    """
    values = _values(serialized)
    result = {key: values[key].decode() for key in TEXTS}
    result |= {key: values[key] for key in (*FLOATS, *INTS)}
    shape = (clip.frames, clip.height, clip.width)
    for number in ("1", "2"):
        result[f"v{number}"] = _decode_strip(values[f"v{number}_frames"], (*shape, 3))
        sound = np.frombuffer(values[f"v{number}_sound"], "<i2")
        if sound.shape != (clip.samples,):
            raise RecordError(f"sound must have {clip.samples} samples: received {sound.size}")
        result[f"sound{number}"] = sound.astype(np.float32) / SOUND_SCALE
    if values["alpha"]:
        result["alpha"] = _decode_strip(values["alpha"], (*shape, 1)) / np.float32(255)
    else:
        result["alpha"] = np.full((*shape, 1), 0.5, np.float32)
    return result


def parse(serialized: tf.Tensor, clip: ClipConfig) -> dict[str, tf.Tensor]:
    """Reads a batch of records in TensorFlow; works eagerly and in graphs.

    Args:
        serialized: string [B], serialized tf.train.Examples.
        clip: the shape of their clips.

    Returns:
        `v1`, `v2` uint8 [B, T, H, W, 3]; `alpha` float32 [B, T, H, W, 1] in [0, 1]; `sound1`,
        `sound2` float32 [B, S] in [-1, 1]; and every text (string), number (float32) and count
        (int64) of the record under its own name, each [B].

    Raises:
        tf.errors.InvalidArgumentError: a feature is missing, or a clip has another shape.
    """
    values = tf.io.parse_example(serialized, feature_spec())
    result = {key: values[key] for key in (*TEXTS, *FLOATS, *INTS)}
    for number in ("1", "2"):
        result[f"v{number}"] = _each(
            lambda strip: _parse_frames(strip, clip), values[f"v{number}_frames"], tf.uint8
        )
        sound = tf.io.decode_raw(values[f"v{number}_sound"], tf.int16)
        sound = tf.reshape(sound, [tf.size(serialized), clip.samples])
        result[f"sound{number}"] = tf.cast(sound, tf.float32) / SOUND_SCALE
    result["alpha"] = _each(lambda strip: _parse_alpha(strip, clip), values["alpha"], tf.float32)
    return result


def feature_spec() -> dict[str, tf.io.FixedLenFeature]:
    """The contract as `tf.io.parse_example` reads it."""
    return {key: tf.io.FixedLenFeature([], dtype) for key, dtype in FEATURES.items()}


def schema() -> schema_pb2.Schema:
    """The contract as TFX validates it.

    Media stand under `image_domain`: without it, TFDV takes every clip for a text and copies it
    into its statistics.
    """
    result = schema_pb2.Schema()
    kinds = {
        tf.string: schema_pb2.BYTES,
        tf.float32: schema_pb2.FLOAT,
        tf.int64: schema_pb2.INT,
    }
    for key, dtype in FEATURES.items():
        feature = result.feature.add(name=key, type=kinds[dtype])
        feature.presence.min_fraction = 1.0
        feature.presence.min_count = 1
        feature.shape.SetInParent()
        if key in MEDIA:
            feature.image_domain.SetInParent()
        elif key in FLOATS:
            feature.float_domain.min = 0.0
            if not key.endswith("start"):
                feature.float_domain.max = 1.0
        elif key in INTS:
            feature.int_domain.min = 1 if key.endswith(("height", "width")) else 0
            if key.endswith("has_sound"):
                feature.int_domain.max = 1
        elif key == "mixture_type":
            feature.string_domain.value.extend(MIXTURE_TYPES)
    return result


def _provenance(window: Window) -> dict:
    video = window.video
    return {
        "id": video.id,
        "source": video.source,
        "label": video.label,
        "start": window.start,
        "top": window.top,
        "left": window.left,
        "height": video.height,
        "width": video.width,
    }


def _set(feature: tf.train.Feature, dtype: tf.DType, value) -> None:
    if dtype == tf.string:
        feature.bytes_list.value.append(value.encode() if isinstance(value, str) else value)
    elif dtype == tf.int64:
        feature.int64_list.value.append(value)
    else:
        feature.float_list.value.append(value)


def _values(serialized: bytes) -> dict:
    """Reads a record's values by name, or says how it breaks the contract."""
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except Exception as error:  # protobuf's error class depends on its implementation
        raise RecordError("a record must be a serialized tf.train.Example") from error
    kinds = {tf.string: "bytes_list", tf.int64: "int64_list", tf.float32: "float_list"}
    problems = [f"missing {key}" for key in FEATURES if key not in features]
    problems += [f"extra {key}" for key in sorted(features) if key not in FEATURES]
    values = {}
    for key, dtype in FEATURES.items():
        if key in features:
            value = getattr(features[key], kinds[dtype]).value
            if len(value) == 1:
                values[key] = value[0]
            else:
                problems.append(f"{key} must hold one {dtype.name}")
    if problems:
        raise RecordError("record breaks the feature contract: " + "; ".join(problems))
    return values


def _encode_frames(frames: np.ndarray) -> bytes:
    strip = Image.fromarray(frames.reshape(-1, *frames.shape[2:]))
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _encode_alpha(alpha: np.ndarray) -> bytes:
    strip = Image.fromarray(alpha.reshape(-1, alpha.shape[2]).astype(np.uint8) * np.uint8(255))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _decode_strip(strip: bytes, shape: tuple[int, int, int, int]) -> np.ndarray:
    frames, height, width, channels = shape
    picture = np.asarray(Image.open(io.BytesIO(strip)))
    if picture.shape[:2] != (frames * height, width):
        raise RecordError(
            f"a clip of {frames} frames of {height}x{width} must be a strip of "
            f"{frames * height}x{width}: received {picture.shape[0]}x{picture.shape[1]}"
        )
    return picture.reshape(frames, height, width, channels)


def _each(function, strips: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.map_fn(function, strips, fn_output_signature=dtype)


def _parse_frames(strip: tf.Tensor, clip: ClipConfig) -> tf.Tensor:
    # The default, faster DCT costs 3 dB.
    picture = tf.io.decode_jpeg(strip, channels=3, dct_method="INTEGER_ACCURATE")
    picture = tf.ensure_shape(picture, [clip.frames * clip.height, clip.width, 3])
    return tf.reshape(picture, [clip.frames, clip.height, clip.width, 3])


def _parse_alpha(strip: tf.Tensor, clip: ClipConfig) -> tf.Tensor:
    shape = [clip.frames, clip.height, clip.width, 1]

    def occlusion():
        picture = tf.io.decode_png(strip, channels=1)
        picture = tf.ensure_shape(picture, [clip.frames * clip.height, clip.width, 1])
        return tf.reshape(tf.cast(picture, tf.float32) / 255.0, shape)

    return tf.cond(tf.equal(strip, ""), lambda: tf.fill(shape, 0.5), occlusion)
