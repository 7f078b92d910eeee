"""What a precision needs: of TensorFlow before it is loaded, and of the machine."""

import os

from data_prep.errors import UserError
from models.presets import Inception, Pool, Preset

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
"""Keras's dtype policies that networks are trained in."""


def prepare(precision: str) -> None:
    """Set the environment for a precision; call it before TensorFlow is imported.

    oneDNN's bfloat16 gradients of small 3-D convolutions on a CPU are now and then far off:
    bfloat16 goes without it.

    Args:
        precision: Keras's dtype policy.
    """
    if precision == "mixed_bfloat16":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"


def check(precision: str, preset: Preset, *, gpu: bool) -> None:
    """Check that a network can be computed in a precision.

    Args:
        precision: Keras's dtype policy.
        preset: the network's size.
        gpu: whether there is a GPU.

    Raises:
        UserError: TensorFlow has no float16 max-pooling on a CPU.
    """
    units = (unit for level in preset.levels for unit in level.units)
    if (
        precision == "mixed_float16"
        and not gpu
        and any(isinstance(u, Pool | Inception) for u in units)
    ):
        raise UserError(
            "mixed_float16 needs a GPU for a preset with max-pooling: there is none; "
            "choose float32 or mixed_bfloat16"
        )
