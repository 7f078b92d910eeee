"""Pixels as records store them, uint8, and as networks see them, float32 in [-1, 1]."""

from keras import ops

from models.typing import Tensor


def from_uint8(video: Tensor) -> Tensor:
    """Convert colors in 0..255 to float32 in [-1, 1]."""
    return ops.cast(video, "float32") / 127.5 - 1.0


def to_uint8(video: Tensor) -> Tensor:
    """Convert values in [-1, 1] to rounded uint8 colors in 0..255; other values are clipped."""
    return ops.cast(ops.round(ops.clip((video + 1.0) * 127.5, 0.0, 255.0)), "uint8")
