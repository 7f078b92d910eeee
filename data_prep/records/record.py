"""The record of a mixture, a tf.train.Example that keeps the contract of `features`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.config import ClipConfig
from data_prep.media import pcm
from data_prep.media.clip import Clip
from data_prep.mixing.compose import EVEN_SHARE
from data_prep.mixing.pairing import Pairing, Window
from data_prep.records.example import Example
from data_prep.records.features import FEATURES, FLOATS, INTS, TEXTS, RecordError
from data_prep.records.strips import (
    decode_strip,
    encode_alpha,
    encode_frames,
)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Two clips as they enter their mixture, and an alpha.

    Attributes:
        pairing: the windows, their videos, and the mixture type.
        v1: the target clip, whose audio is the control.
        v2: the other clip, of the same shape.
        alpha: bool or float `[T, H, W]` in [0, 1], the share of V1; None for 0.5 everywhere.
        front: 1 or 2, the clip that is in front; 0 if neither is.
    """

    pairing: Pairing
    v1: Clip
    v2: Clip
    alpha: np.ndarray | None
    front: int


def encode(mixture: Mixture) -> bytes:
    """Serialize a mixture; the same mixture gives the same bytes.

    Args:
        mixture: two clips with frames uint8 `[T, H, W, 3]` and audio int16 `[S]`, and their alpha.

    Returns:
        A serialized tf.train.Example with exactly the features of `FEATURES`.
    """
    pairing = mixture.pairing
    values = {
        "mixture_id": pairing.mixture_id,
        "mixture_type": pairing.mixture_type,
        "seed": pairing.seed,
        "front": mixture.front,
        "class_pair": f"{pairing.v1.video.label}+{pairing.v2.video.label}",
        "alpha": b"" if mixture.alpha is None else encode_alpha(mixture.alpha),
    }
    for name, clip, window in (
        ("v1", mixture.v1, pairing.v1),
        ("v2", mixture.v2, pairing.v2),
    ):
        values[f"{name}_frames"] = encode_frames(clip.frames)
        values[f"{name}_sound"] = clip.audio.astype("<i2").tobytes()
        values[f"{name}_has_sound"] = int(clip.has_audio)
        values.update({f"{name}_{key}": value for key, value in _provenance(window).items()})
    example = Example()
    for key, dtype in FEATURES.items():
        _set(example.features.feature[key], dtype, values[key])
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes, clip: ClipConfig) -> dict[str, Any]:
    """Read one record into NumPy; equals `tensors.parse` of a batch of one, without the batch axis.

    Args:
        serialized: a serialized tf.train.Example.
        clip: shape of its clips; of larger ones the center is read.

    Returns:
        The dictionary of `tensors.parse`, with arrays for media and str, int or float for the rest.

    Raises:
        RecordError: the record does not keep the contract or has clips of another shape.
    """
    values = _values(serialized)
    result: dict[str, Any] = {key: values[key].decode() for key in TEXTS}
    result |= {key: values[key] for key in (*FLOATS, *INTS)}
    for number in ("1", "2"):
        result[f"v{number}"] = decode_strip(values[f"v{number}_frames"], clip, 3)
        audio = np.frombuffer(values[f"v{number}_sound"], "<i2")
        if audio.shape != (clip.samples,):
            raise RecordError(f"audio: must have {clip.samples} samples, got {audio.size}")
        result[f"audio{number}"] = pcm.to_float(audio)
    if values["alpha"]:
        result["alpha"] = decode_strip(values["alpha"], clip, 1) / np.float32(255)
    else:
        shape = (clip.frames, clip.height, clip.width, 1)
        result["alpha"] = np.full(shape, EVEN_SHARE, np.float32)
    return result


def read_texts(serialized: bytes, names: Sequence[str]) -> dict[str, str]:
    """Read some texts of one record, without decoding its clips.

    Args:
        serialized: a serialized tf.train.Example.
        names: names in `features.TEXTS`.

    Returns:
        The texts by name, in the given order.

    Raises:
        RecordError: the record lacks one of them, or is no tf.train.Example.
    """
    features = _features(serialized)
    missing = [name for name in names if len(features[name].bytes_list.value) != 1]
    if missing:
        raise RecordError(f"record breaks the feature contract: missing {', '.join(missing)}")
    return {name: features[name].bytes_list.value[0].decode() for name in names}


def _provenance(window: Window) -> dict[str, str | int | float]:
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


def _set(feature: Any, dtype: str, value: Any) -> None:
    if dtype == "string":
        feature.bytes_list.value.append(value.encode() if isinstance(value, str) else value)
    elif dtype == "int64":
        feature.int64_list.value.append(value)
    else:
        feature.float_list.value.append(value)


def _features(serialized: bytes) -> Any:
    """Return the features of a record by name.

    Raises:
        RecordError: the bytes are no tf.train.Example.
    """
    try:
        return Example.FromString(serialized).features.feature
    except Exception as error:  # protobuf's error class depends on its implementation
        raise RecordError("a record must be a serialized tf.train.Example") from error


def _values(serialized: bytes) -> dict[str, Any]:
    """Read a record's values by name.

    Raises:
        RecordError: features are missing, extra, or have another type or count.
    """
    features = _features(serialized)
    lists = {"string": "bytes_list", "int64": "int64_list", "float32": "float_list"}
    problems = [f"missing {key}" for key in FEATURES if key not in features]
    problems += [f"extra {key}" for key in sorted(features) if key not in FEATURES]
    values = {}
    for key, dtype in FEATURES.items():
        if key in features:
            value = getattr(features[key], lists[dtype]).value
            if len(value) == 1:
                values[key] = value[0]
            else:
                problems.append(f"{key} must hold one {dtype}")
    if problems:
        raise RecordError("record breaks the feature contract: " + "; ".join(problems))
    return values
