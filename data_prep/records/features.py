"""The feature contract of a record: names and types, and the schema that TFX validates.

Frames are strips: a clip's T frames stacked downward into one JPEG of T*H rows, and the alpha of
a mixture as one 8-bit PNG; see `strips`. Alpha is the share of V1; an empty one means 0.5
everywhere. `front` is the clip that is in front, 1 or 2, or 0 if neither is.
"""

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from data_prep.errors import UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES

MEDIA = ("v1_frames", "v2_frames", "alpha", "v1_sound", "v2_sound")
TEXTS = (
    "mixture_id",
    "mixture_type",
    "class_pair",
    "v1_id",
    "v1_source",
    "v1_label",
    "v2_id",
    "v2_source",
    "v2_label",
)
FLOATS = ("v1_start", "v1_top", "v1_left", "v2_start", "v2_top", "v2_left")
INTS = (
    "seed",
    "front",
    "v1_has_sound",
    "v1_height",
    "v1_width",
    "v2_has_sound",
    "v2_height",
    "v2_width",
)
FEATURES: Mapping[str, str] = {
    **dict.fromkeys(MEDIA, "string"),
    **dict.fromkeys(TEXTS, "string"),
    **dict.fromkeys(FLOATS, "float32"),
    **dict.fromkeys(INTS, "int64"),
}
"""Name and TensorFlow type of every feature of a record; each holds exactly one value."""

FRONTS: Mapping[int, str] = {0: "neither", 1: "target clip", 2: "other clip"}
"""Value of `front` -> the clip that is in front, in words."""

_LARGEST = {"front": 2, "v1_has_sound": 1, "v2_has_sound": 1}

_SCHEMA_TYPES = {
    "string": schema_pb2.BYTES,
    "float32": schema_pb2.FLOAT,
    "int64": schema_pb2.INT,
}


class RecordError(UserError):
    """A record that does not keep the feature contract."""


def schema() -> schema_pb2.Schema:
    """Return the contract as TFX validates it.

    Media have an `image_domain`; without it, TFDV takes every clip for a text and copies it into
    its statistics.
    """
    result = schema_pb2.Schema()
    for key, dtype in FEATURES.items():
        feature = result.feature.add(name=key, type=_SCHEMA_TYPES[dtype])
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
            if key in _LARGEST:
                feature.int_domain.max = _LARGEST[key]
        elif key == "mixture_type":
            feature.string_domain.value.extend(MIXTURE_TYPES)
    return result
