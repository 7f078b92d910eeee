"""Records of mixtures: what they tell without their pictures, and how they get another sound."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import tensorflow as tf

from data_prep.records.record import feature_spec

_START_DECIMALS = 3  # windows start at whole milliseconds, which float32 blurs


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A held-out mixture without its pictures.

    Attributes:
        v1_start: seconds after V1's first picture at which its window starts.
        v1_has_sound: whether any of the sound is the file's.
        v1_sound: the window's sound, int16 `[S]`.
    """

    mixture_id: str
    mixture_type: str
    v1_id: str
    v1_source: str
    v1_label: str
    v1_start: float
    v1_has_sound: bool
    v1_sound: np.ndarray
    v2_source: str
    v2_label: str


_READ = tuple(field.name for field in fields(HeldOut))


def read_held_out(files: list[str], limit: int) -> dict[str, HeldOut]:
    """Read the first mixtures by name, whichever file they lie in; name -> mixture, in order."""
    names = sorted(values["mixture_id"].decode() for values in _parsed(files, ("mixture_id",)))
    wanted = set(names[:limit])
    found = {}
    for values in _parsed(files, _READ):
        # The sounds of all held-out mixtures may be more than the memory takes.
        if values["mixture_id"].decode() in wanted:
            mixture = _held_out(values)
            found[mixture.mixture_id] = mixture
    return {name: found[name] for name in names[:limit]}


def _parsed(files: list[str], names: Iterable[str]) -> Iterator[dict]:
    """Give some features of every record."""
    spec = feature_spec()
    asked = {name: spec[name] for name in names}
    dataset = tf.data.TFRecordDataset(files).map(lambda one: tf.io.parse_single_example(one, asked))
    return dataset.as_numpy_iterator()


def _held_out(values: dict) -> HeldOut:
    sound = np.frombuffer(values.pop("v1_sound"), "<i2")
    start = round(float(values.pop("v1_start")), _START_DECIMALS)
    has_sound = bool(values.pop("v1_has_sound"))
    texts = {name: value.decode() for name, value in values.items()}
    return HeldOut(**texts, v1_start=start, v1_has_sound=has_sound, v1_sound=sound)


def with_sound(serialized: bytes, sound: np.ndarray) -> bytes:
    """Return a record with another control sound, int16 `[S]`."""
    example = tf.train.Example.FromString(serialized)
    example.features.feature["v1_sound"].bytes_list.value[:] = [sound.astype("<i2").tobytes()]
    return example.SerializeToString()


def mixture_id(serialized: bytes) -> str:
    """Return the name of a record's mixture."""
    features = tf.train.Example.FromString(serialized).features.feature
    return features["mixture_id"].bytes_list.value[0].decode()
