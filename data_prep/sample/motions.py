"""Motions of the shapes of rendered scenes: something happens at each beat."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Track:
    """Place of a shape over time, each `[T]`: x and y from the center, scale, angle in radians."""

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    angle: np.ndarray


Motion = Callable[[Track, np.random.Generator, np.ndarray, float], Track]
"""Function of a shape that only drifts, a random generator, the time in beats, and the reach."""


def path(motion: str, rng: np.random.Generator, beats: np.ndarray) -> np.ndarray:
    """Return the place of the shape, `[T, 4]`: x, y from the center, scale, angle.

    Args:
        motion: how the shape moves, a name in `MOTIONS`.
        rng: decides where and how far.
        beats: `[T]`, time in beats; there is a beat at each whole number.
    """
    wander = 0.1 * np.sin(0.7 * beats + rng.uniform(0, 6))
    x, y = rng.uniform(-0.1, 0.1) + wander, np.full_like(beats, rng.uniform(-0.1, 0.1))
    drifting = Track(x, y, np.ones_like(beats), np.zeros_like(beats))
    track = MOTIONS[motion](drifting, rng, beats, rng.uniform(0.22, 0.3))
    return np.stack([track.x, track.y, track.scale, track.angle], -1)


def _bounce(track: Track, rng: np.random.Generator, beats: np.ndarray, reach: float) -> Track:
    since = beats % 1
    return replace(track, y=reach - 2 * reach * 4 * since * (1 - since))


def _swing(track: Track, rng: np.random.Generator, beats: np.ndarray, reach: float) -> Track:
    swing = np.sin(np.pi * beats)
    return replace(track, x=1.3 * reach * swing, y=track.y - 0.1 * swing**2, angle=0.7 * swing)


def _pulse(track: Track, rng: np.random.Generator, beats: np.ndarray, reach: float) -> Track:
    return replace(track, scale=0.8 + 0.8 * np.exp(-4 * (beats % 1)))


def _spin(track: Track, rng: np.random.Generator, beats: np.ndarray, reach: float) -> Track:
    return replace(track, angle=np.pi / 2 * (np.floor(beats) + _ease(beats % 1 / 0.4)) * 1.1)


def _circle(track: Track, rng: np.random.Generator, beats: np.ndarray, reach: float) -> Track:
    return replace(track, x=reach * np.cos(np.pi * beats), y=reach * np.sin(np.pi * beats))


def _hop(track: Track, rng: np.random.Generator, beats: np.ndarray, reach: float) -> Track:
    spots = reach * rng.uniform(-1, 1, (int(beats[-1]) + 2, 2)) * [1.2, 1.0]
    index, way = beats.astype(int), _ease((beats % 1 - 0.55) / 0.45)[:, np.newaxis]
    x, y = (spots[index] * (1 - way) + spots[index + 1] * way).T
    return replace(track, x=x, y=y - 0.35 * way[:, 0] * (1 - way[:, 0]))


def _ease(way: np.ndarray) -> np.ndarray:
    """Map [0, 1] to [0, 1] with a soft start and end."""
    way = np.clip(way, 0, 1)
    return way * way * (3 - 2 * way)


MOTIONS: dict[str, Motion] = {
    "bouncing": _bounce,
    "swinging": _swing,
    "pulsing": _pulse,
    "spinning": _spin,
    "circling": _circle,
    "hopping": _hop,
}
"""Motions by name, in the order of the classes."""
