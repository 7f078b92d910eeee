"""Background of a rendered scene: a wall and a floor, and things that stand between."""

from collections.abc import Callable

import numpy as np

from data_prep.sample import palettes
from data_prep.sample.looks import Look
from data_prep.sample.plates import Plate, grid, make_plate
from data_prep.sample.shapes import unit
from data_prep.sample.textures import clouds, texture

_WALL, _PROPS = 0.45, 0.75  # nearness

Prop = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
"""Function of a random generator, x, and y above the floor's edge to the depth inside a thing."""


def backdrop(
    look: Look, rng: np.random.Generator, hue: float, horizon: float, height: int, width: int
) -> list[Plate]:
    """Return the plates behind the objects, from far to near.

    Args:
        look: how the class looks.
        rng: decides what differs within the class.
        hue: of the scene, in [0, 1).
        horizon: y of the edge between wall and floor, in frame heights from the middle.
        height: of the frames, in pixels.
        width: likewise.
    """
    x, y = grid(height, width)
    room = _room(look, rng, hue, x, y, y - horizon)
    kind = tuple(PROPS.values())[rng.integers(len(PROPS))]
    inside = kind(rng, x, horizon - y)
    lightness = rng.uniform(0.05, 0.5) + 0.1 * clouds(rng, x, y) + 0.6 * np.clip(inside, 0, 0.2)
    props = palettes.colored(palettes.scenery(hue, rng.uniform(0.8, 1)), lightness)
    alpha = unit(inside * 25 + 0.5)
    return [make_plate(room, None, _WALL, height), make_plate(props, alpha, _PROPS, height)]


def _room(
    look: Look,
    rng: np.random.Generator,
    hue: float,
    x: np.ndarray,
    y: np.ndarray,
    below: np.ndarray,
) -> np.ndarray:
    """Return the colors `[3, H, W]` of wall and floor; `below` is the distance from the edge."""
    angle, frequency = look.angle + rng.uniform(-0.4, 0.4), look.frequency * rng.uniform(0.7, 1.3)
    dark = rng.uniform(0.25, 0.45)
    pattern = texture(look.texture, rng, x, y, angle=angle, frequency=frequency)
    lamp = np.exp(-((x - rng.uniform(-0.6, 0.6)) ** 2 + (y + rng.uniform(0, 0.5)) ** 2) / 0.12)
    wall = dark + 0.12 * clouds(rng, x, y) + 0.07 * pattern + rng.uniform(0.15, 0.4) * lamp

    depth = 0.12 / (np.maximum(below, 0) + 0.12)  # 1 at the edge, falling towards the camera
    pattern = texture(look.texture, rng, 2 * x * depth, 5 * depth, angle=angle, frequency=frequency)
    floor = dark + rng.uniform(-0.05, 0.2) + 0.3 * below + 0.12 * pattern * (1 - depth)
    corner = 1 - 0.35 * np.exp(-np.abs(below) / 0.05)  # little light gets there
    wall, floor = (
        palettes.colored(palettes.scenery(hue, rng.uniform(0.8, 1)), lightness * corner)
        for lightness in (wall, floor)
    )
    return wall + (floor - wall) * unit(below * 60 + 0.5)


def _hills(rng: np.random.Generator, x: np.ndarray, above: np.ndarray) -> np.ndarray:
    ridge = 0.12 + 0.09 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.1) * x + rng.uniform()))
    ridge += 0.05 * np.sin(2 * np.pi * (rng.uniform(1.2, 2.2) * x + rng.uniform()))
    return np.minimum(ridge - above, above + 0.03)


def _pillars(rng: np.random.Generator, x: np.ndarray, above: np.ndarray) -> np.ndarray:
    gap = rng.uniform(0.35, 0.6)
    across = np.abs((x / gap + rng.uniform()) % 1 - 0.5) * gap
    return np.minimum(rng.uniform(0.05, 0.1) - across, above + 0.05)


def _boulders(rng: np.random.Generator, x: np.ndarray, above: np.ndarray) -> np.ndarray:
    inside = np.full_like(x, -1)
    places = np.linspace(-0.6, 0.6, rng.integers(2, 5)) + rng.uniform(-0.15, 0.15)
    for place in places.tolist():
        radius = rng.uniform(0.1, 0.24)
        inside = np.maximum(inside, radius - np.hypot(x - place, 1.2 * (above - 0.6 * radius)))
    return np.minimum(inside, above + 0.04)


def _frames(rng: np.random.Generator, x: np.ndarray, above: np.ndarray) -> np.ndarray:
    inside = np.full_like(x, -1)
    for place in (-0.42, 0.1, 0.5)[: rng.integers(2, 4)]:
        half_width, half_height = rng.uniform(0.1, 0.18), rng.uniform(0.08, 0.15)
        across = np.abs(x - place - rng.uniform(-0.08, 0.08)) - half_width
        up = np.abs(above - rng.uniform(0.3, 0.42)) - half_height
        inside = np.maximum(inside, -np.maximum(across, up))
    return inside


PROPS: dict[str, Prop] = {
    "hills": _hills,
    "pillars": _pillars,
    "boulders": _boulders,
    "frames": _frames,
}
"""Things that stand or hang in front of the wall; each scene has one kind."""
