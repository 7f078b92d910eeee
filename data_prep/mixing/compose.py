"""Composition of two videos: the one place that mixes."""

from typing import Any

import numpy as np

EVEN_SHARE = 0.5
"""Alpha of a mixture that shows both clips equally. None and an empty feature stand for it."""


def compose(v1: Any, v2: Any, alpha: Any) -> Any:
    """Mix two videos: `alpha * v1 + (1 - alpha) * v2`, element by element.

    Uses operators only, so it takes NumPy arrays and Keras, TensorFlow or JAX tensors alike.

    Args:
        v1: float `[..., T, H, W, 3]`, in any value range.
        v2: float `[..., T, H, W, 3]`, in the same range.
        alpha: float, a number or `[..., T, H, W, 1]`, in [0, 1].

    Returns:
        float `[..., T, H, W, 3]`, in the range of `v1` and `v2`.
    """
    return alpha * v1 + (1 - alpha) * v2


def as_share(alpha: np.ndarray | None) -> np.ndarray | float:
    """Return an alpha as `compose` takes it.

    Args:
        alpha: bool or float `[T, H, W]` in [0, 1], or None for `EVEN_SHARE` everywhere.

    Returns:
        float32 `[T, H, W, 1]`, or a number.
    """
    return EVEN_SHARE if alpha is None else alpha[..., np.newaxis].astype(np.float32)


def mix_uint8(v1: np.ndarray, v2: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    """Mix two videos of 8-bit frames, rounded to 8 bits.

    Args:
        v1: uint8 `[..., T, H, W, 3]`.
        v2: uint8 `[..., T, H, W, 3]`.
        alpha: a number or float32 `[..., T, H, W, 1]`, in [0, 1].

    Returns:
        uint8 `[..., T, H, W, 3]`.
    """
    mixed = compose(v1.astype(np.float32), v2.astype(np.float32), alpha)
    return np.round(mixed).astype(np.uint8)
