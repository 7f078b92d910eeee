"""Backgrounds of rendered scenes: textures made of a few plane waves that drift."""

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
    """One kind of background.

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
) -> Callable[[float], np.ndarray]:
    """Return a function from time to the lightness of a background, `[H, W]` in [0, 1].

    Args:
        name: the texture.
        rng: decides what differs within a class.
        x: `[H, W]`, places of the pixels in frame heights.
        y: `[H, W]`, likewise.
        angle: of the texture, in radians.
        frequency: of the texture, in cycles per frame height.
    """
    kind = TEXTURES[name]
    angle = angle + rng.uniform(-0.12, 0.12)
    frequency = frequency * rng.uniform(0.9, 1.1)
    angles, frequencies = kind.waves(rng, angle, frequency)
    drifts = rng.uniform(0.15, 0.5, len(angles)) * rng.choice([-1, 1], len(angles))
    along = kind.bend([np.cos(a) * x + np.sin(a) * y for a in angles], frequency)
    # A plane wave moves when its phase turns: one complex field, turned by one number per frame.
    waves = [
        np.exp(2j * np.pi * (f * a + rng.uniform())).astype(np.complex64)
        for f, a in zip(frequencies, along, strict=True)
    ]
    light = np.exp(2j * np.pi * (rng.uniform(-0.6, 0.6) * x + 0.5 * y + rng.uniform()))
    light = light.astype(np.complex64)

    def lightness(time: float) -> np.ndarray:
        moved = [
            (wave * np.complex64(np.exp(2j * np.pi * drift * time))).real
            for wave, drift in zip(waves, drifts, strict=True)
        ]
        pattern = 0.5 + 0.5 * np.tanh(1.5 * kind.combine(moved))
        glow = 0.8 + 0.2 * (light * np.complex64(np.exp(0.6j * np.pi * time))).real
        return pattern * glow

    return lightness
