"""Shapes of rendered scenes as signed distances."""

from collections.abc import Callable

import numpy as np

SignedDistance = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""Function of x, y and the radius; negative inside the shape."""


def _polygon(sides: int) -> SignedDistance:
    angles = 2 * np.pi * np.arange(sides) / sides + np.pi / 2
    normals = [(float(np.cos(angle)), float(np.sin(angle))) for angle in angles]
    return lambda x, y, r: (
        np.max([across * x + down * y for across, down in normals], axis=0)
        - r * (0.6 if sides == 3 else 0.9)
    )


def _box(x: np.ndarray, y: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def unit(x: np.ndarray) -> np.ndarray:
    """Limit to [0, 1], like `np.clip`, which takes several times as long on small arrays."""
    return np.minimum(np.maximum(x, 0), 1)


SIGNED_DISTANCE: dict[str, SignedDistance] = {
    "disc": lambda x, y, r: np.hypot(x, y) - r,
    "square": lambda x, y, r: _box(x, y, 0.85 * r, 0.85 * r),
    "ring": lambda x, y, r: np.abs(np.hypot(x, y) - 0.8 * r) - 0.3 * r,
    "triangle": _polygon(3),
    "cross": lambda x, y, r: np.minimum(_box(x, y, 1.1 * r, 0.4 * r), _box(x, y, 0.4 * r, 1.1 * r)),
    "flower": lambda x, y, r: np.hypot(x, y) - r * (0.85 + 0.3 * np.cos(5 * np.arctan2(y, x))),
    "bar": lambda x, y, r: _box(x, y, 1.4 * r, 0.45 * r),
    "hexagon": _polygon(6),
}
"""Signed distances of the shapes, in the order of the classes."""
