"""Held-out records without their frames, and records with another audio cue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.evaluation.class_slices import classes_of
from data_prep.records.tensors import feature_spec

_TEXTS = ("mixture_id", "mixture_type", "v1_id", "v1_source", "v1_label", "v2_source", "v2_label")
_READ = (*_TEXTS, "v1_start", "v1_has_sound", "v1_sound")
_START_DECIMALS = 3  # windows start at whole milliseconds, which float32 blurs


@dataclass(frozen=True, eq=False)
class HeldOutMixture:
    """A held-out mixture without its frames.

    Attributes:
        v1_start: where V1's window starts, seconds after its first frame.
        v1_has_audio: whether any of the audio comes from the file.
        v1_audio: the audio of the window, int16 `[S]`.
    """

    mixture_id: str
    mixture_type: str
    v1_id: str
    v1_source: str
    v1_label: str
    v2_source: str
    v2_label: str
    v1_start: float
    v1_has_audio: bool
    v1_audio: np.ndarray

    @property
    def classes(self) -> str:
        """Whether it is of one class or of two; see `class_slices.classes_of`."""
        return classes_of(self.v1_label, self.v2_label)


def read_held_out(files: list[str], limit: int) -> dict[str, HeldOutMixture]:
    """Read the first mixtures by name, whatever files they lie in.

    Args:
        files: TFRecord files.
        limit: number of mixtures to read.

    Returns:
        name -> mixture, in the order of the names.
    """
    names = sorted(values["mixture_id"].decode() for values in _parsed(files, ("mixture_id",)))
    wanted = set(names[:limit])
    found = {}
    for values in _parsed(files, _READ):
        # The audio of all held-out mixtures may not fit into memory.
        if values["mixture_id"].decode() in wanted:
            mixture = _held_out(values)
            found[mixture.mixture_id] = mixture
    return {name: found[name] for name in names[:limit]}


def _parsed(files: list[str], names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield some features of every record."""
    spec = feature_spec()
    asked = {name: spec[name] for name in names}
    dataset = tf.data.TFRecordDataset(files).map(lambda one: tf.io.parse_single_example(one, asked))
    return dataset.as_numpy_iterator()


def _held_out(values: dict[str, Any]) -> HeldOutMixture:
    return HeldOutMixture(
        **{name: values[name].decode() for name in _TEXTS},
        v1_start=round(float(values["v1_start"]), _START_DECIMALS),
        v1_has_audio=bool(values["v1_has_sound"]),
        v1_audio=np.frombuffer(values["v1_sound"], "<i2"),
    )


def with_audio(serialized: bytes, audio: np.ndarray) -> bytes:
    """Return a record with another audio cue, int16 `[S]`."""
    example = tf.train.Example.FromString(serialized)
    example.features.feature["v1_sound"].bytes_list.value[:] = [audio.astype("<i2").tobytes()]
    return example.SerializeToString()
