"""Shapes of rendered scenes as signed distances, and the paths they move along."""

from collections.abc import Callable

import numpy as np

SignedDistance = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""Function of x, y and the radius; negative inside the shape."""


def path(motion: str, rng: np.random.Generator, beats: np.ndarray) -> np.ndarray:
    """Return the place of the shape, `[T, 4]`: x, y from the center, scale, angle.

    Something happens at each beat.

    Args:
        motion: how the shape moves.
        rng: decides where and how far.
        beats: `[T]`, time in beats; there is a beat at each whole number.
    """
    since = beats % 1  # of a beat, since the last one
    wander = 0.1 * np.sin(0.7 * beats + rng.uniform(0, 6))
    x, y = rng.uniform(-0.1, 0.1) + wander, np.full_like(beats, rng.uniform(-0.1, 0.1))
    scale, angle = np.ones_like(beats), np.zeros_like(beats)
    reach = rng.uniform(0.22, 0.3)
    if motion == "bouncing":
        y = reach - 2 * reach * 4 * since * (1 - since)
    elif motion == "swinging":
        swing = np.sin(np.pi * beats)
        x, y, angle = 1.3 * reach * swing, y - 0.1 * swing**2, 0.7 * swing
    elif motion == "pulsing":
        scale = 0.8 + 0.8 * np.exp(-4 * since)
    elif motion == "spinning":
        angle = np.pi / 2 * (np.floor(beats) + _ease(since / 0.4)) * 1.1
    elif motion == "circling":
        x, y = reach * np.cos(np.pi * beats), reach * np.sin(np.pi * beats)
    elif motion == "hopping":
        spots = reach * rng.uniform(-1, 1, (int(beats[-1]) + 2, 2)) * [1.2, 1.0]
        index, way = beats.astype(int), _ease((since - 0.55) / 0.45)[:, np.newaxis]
        x, y = (spots[index] * (1 - way) + spots[index + 1] * way).T
        y = y - 0.35 * way[:, 0] * (1 - way[:, 0])
    return np.stack([x, y, scale, angle], -1)


def _ease(way: np.ndarray) -> np.ndarray:
    """Map [0, 1] to [0, 1] with a soft start and end."""
    way = np.clip(way, 0, 1)
    return way * way * (3 - 2 * way)


def _polygon(sides: int) -> SignedDistance:
    normals = 2 * np.pi * np.arange(sides) / sides + np.pi / 2
    return lambda x, y, r: (
        np.max([np.cos(n) * x + np.sin(n) * y for n in normals], axis=0)
        - r * (0.6 if sides == 3 else 0.9)
    )


def _box(x: np.ndarray, y: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


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
