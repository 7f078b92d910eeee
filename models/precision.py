"""Environment settings and hardware requirements of each precision."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from data_prep.errors import UserError
from models.presets import Inception, Pool, Preset

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""Keras dtype policies that networks can be trained in."""


def prepare(precision: str) -> None:
    """Set the environment for a precision; call it before importing TensorFlow.

    oneDNN's bfloat16 gradients of small 3-D convolutions on a CPU are sometimes far off, so
    bfloat16 runs without oneDNN.

    Args:
        precision: Keras's dtype policy.
    """
    if precision == "mixed_bfloat16":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"


@contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Create the layers of a block in a precision.

    Args:
        precision: Keras's dtype policy.
    """
    import keras  # after `prepare`

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check(precision: str, preset: Preset, *, gpu: bool) -> None:
    """Check that TensorFlow can compute a network in a precision.

    Args:
        precision: Keras's dtype policy.
        preset: the network's size.
        gpu: whether the machine has a GPU.

    Raises:
        UserError: TensorFlow has no float16 max-pooling on a CPU.
    """
    units = (unit for level in preset.levels for unit in level.units)
    pools = any(isinstance(unit, Pool | Inception) for unit in units)
    if precision == "mixed_float16" and pools and not gpu:
        raise UserError(
            "mixed_float16: needs a GPU for a preset with max-pooling, got a machine without one; "
            "choose float32 or mixed_bfloat16"
        )
