"""Textures of the walls and floors of rendered scenes: patterns of a few plane waves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Waves = tuple[np.ndarray, np.ndarray]
"""Angle in radians and frequency of each wave."""


def _two_waves(rng: np.random.Generator, angle: float, frequency: float) -> Waves:
    return np.array([angle, angle + np.pi / 2]), np.full(2, frequency)


def _five_waves(rng: np.random.Generator, angle: float, frequency: float) -> Waves:
    angles = angle + np.arange(5) * np.pi / 5 + rng.uniform(-0.3, 0.3, 5)
    return angles, frequency * rng.uniform(0.6, 1.4, 5)


def _straight(along: Sequence[np.ndarray], frequency: float) -> list[np.ndarray]:
    return list(along)


def _bent(along: Sequence[np.ndarray], frequency: float) -> list[np.ndarray]:
    bend = 0.5 / frequency * np.abs((along[1] * frequency * 0.7) % 2 - 1)
    return [along[0] + bend, *along[1:]]


@dataclass(frozen=True)
class Texture:
    """One kind of pattern.

    Attributes:
        combine: function of the waves, each `[H, W]` in [-1, 1], to their pattern.
        waves: function of a random generator, the angle and the frequency to the waves.
        bend: function of the places along each wave, each `[H, W]`, and the frequency to such
            places, by which straight waves are bent.
    """

    combine: Callable[[list[np.ndarray]], np.ndarray]
    waves: Callable[[np.random.Generator, float, float], Waves] = _two_waves
    bend: Callable[[Sequence[np.ndarray], float], list[np.ndarray]] = _straight


TEXTURES: dict[str, Texture] = {
    "stripes": Texture(lambda waves: waves[0]),
    "checks": Texture(lambda waves: 2 * waves[0] * waves[1]),
    "dots": Texture(lambda waves: 1.6 * (waves[0] + waves[1] - 0.7)),
    "noise": Texture(lambda waves: 0.7 * np.asarray(sum(waves)), waves=_five_waves),
    "weave": Texture(lambda waves: 2 * np.maximum(waves[0], waves[1]) - 1),
    "zigzag": Texture(lambda waves: waves[0], bend=_bent),
}
"""Textures by name, in the order of the classes."""


def texture(
    name: str,
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    *,
    angle: float,
    frequency: float,
) -> np.ndarray:
    """Return the pattern of a texture, `[H, W]` in [-1, 1].

    Args:
        name: the texture.
        rng: decides what differs within a class.
        x: `[H, W]`, places of the pixels in frame heights.
        y: `[H, W]`, likewise.
        angle: of the texture, in radians.
        frequency: of the texture, in cycles per frame height.
    """
    kind = TEXTURES[name]
    angles, frequencies = kind.waves(rng, angle, frequency)
    along = kind.bend([_along(a, x, y) for a in angles], frequency)
    waves = [
        np.cos(2 * np.pi * (f * a + rng.uniform()))
        for f, a in zip(frequencies.tolist(), along, strict=True)
    ]
    return np.tanh(1.5 * kind.combine(waves))


def clouds(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a large soft pattern, `[H, W]`, mostly in [-1, 1]."""
    angles, frequencies = rng.uniform(0, np.pi, 4), rng.uniform(0.3, 1.1, 4)
    waves = [
        np.sin(2 * np.pi * (f * _along(a, x, y) + rng.uniform()))
        for a, f in zip(angles, frequencies.tolist(), strict=True)
    ]
    return 0.5 * np.asarray(sum(waves))


def _along(angle: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the places along a direction, in the precision of x and y with every NumPy."""
    return float(np.cos(angle)) * x + float(np.sin(angle)) * y
