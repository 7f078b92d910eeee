"""Frames of a rendered scene: its background, its objects, its light and the film's grain."""

import math
from dataclasses import dataclass

import numpy as np

from data_prep.sample import palettes
from data_prep.sample.backdrop import backdrop
from data_prep.sample.camera import draw_camera
from data_prep.sample.cast import Member, draw_cast
from data_prep.sample.events import Events
from data_prep.sample.lighting import Film, Lamp
from data_prep.sample.plates import photograph
from data_prep.sample.shapes import SIGNED_DISTANCE, SignedDistance


@dataclass(frozen=True)
class Look:
    """How the scenes of a class look.

    Attributes:
        hue: in [0, 1), of all colors.
        texture: name of the background's texture in `TEXTURES`.
        angle: of the texture, in radians.
        frequency: of the texture, in cycles per frame height.
        shape: name of the objects' shape in `SIGNED_DISTANCE`.
        motion: how they move, a name in `MOTIONS`.
        classes: number of classes; the hue varies by less than the distance to the next one.
    """

    hue: float
    texture: str
    angle: float
    frequency: float
    shape: str
    motion: str
    classes: int


def draw(
    look: Look,
    rng: np.random.Generator,
    events: Events,
    objects: int,
    times: np.ndarray,
    height: int,
    width: int,
) -> np.ndarray:
    """Return the frames of a scene, uint8 `[T, H, W, 3]`; lengths are in frame heights.

    Args:
        look: how the class looks.
        rng: decides what differs within the class.
        events: what sets the objects off.
        objects: number of objects.
        times: `[T]`, seconds.
        height: pixels.
        width: pixels.
    """
    hue, horizon = look.hue + rng.uniform(-0.2, 0.2) / look.classes, rng.uniform(-0.05, 0.2)
    camera = draw_camera(rng, times)
    plates = backdrop(
        rng,
        hue,
        horizon,
        height,
        width,
        name=look.texture,
        angle=look.angle,
        frequency=look.frequency,
    )
    cast = draw_cast(rng, look.motion, objects, horizon, times, events, camera)
    lamp, film = Lamp(rng), Film(rng, height, width, times)
    brush = Brush(SIGNED_DISTANCE[look.shape], lamp, height, width)
    colors_of = [palettes.objects(hue + rng.uniform(-0.1, 0.1) / look.classes) for _ in cast]
    frames = np.empty((len(times), height, width, 3), np.uint8)
    for index in range(len(times)):
        colors = photograph(plates, camera, index, height, width)
        for member in cast:
            brush.shade_floor(colors, member, index)
        for member, palette in zip(cast, colors_of, strict=True):
            brush.paint(colors, palette, member, index)
        film.expose(colors, index, out=frames[index])
    return frames


class Brush:
    """Draws the objects of a scene.

    Args:
        shape: of the objects.
        lamp: what lights them.
        height: of the frames, in pixels.
        width: likewise.
    """

    def __init__(self, shape: SignedDistance, lamp: Lamp, height: int, width: int) -> None:
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self._x, self._y = (x + 0.5 - width / 2) / height, (y + 0.5 - height / 2) / height
        self._shape, self._lamp = shape, lamp
        side = np.linspace(-2, 2, 81)
        distance = np.hypot(side, side[:, np.newaxis])
        self._reach = distance[shape(side, side[:, np.newaxis] + 0 * side, 1.0) < 0].max()

    def shade_floor(self, colors: np.ndarray, member: Member, index: int) -> None:
        """Draw an object's soft shadow on the floor into colors `[3, H, W]`."""
        x, y = float(member.x[index]), float(member.ground[index])
        radius = float(member.radius[index])
        height = max(0.0, y - float(member.y[index]) - radius)
        reach = 1.2 * radius + 0.5 * height
        box = self._around(x, y, reach, 0.35 * reach)
        across, along = (self._x[box] - x) / reach, (self._y[box] - y) / (0.35 * reach)
        shade = np.clip(1 - across * across - along * along, 0, 1)
        colors[:, *box] *= 1 - np.float32(0.7 / (1 + 4 * height)) * shade

    def paint(self, colors: np.ndarray, palette: np.ndarray, member: Member, index: int) -> None:
        """Draw an object, smeared by its motion, and its shadow on what is close behind it."""
        radius, angle = float(member.radius[index]), float(member.angle[index])
        x, y = float(member.x[index]), float(member.y[index])
        across, down = member.smear[index].tolist()
        reach = (self._reach + 0.3) * radius + math.hypot(across, down) + member.blur
        box = self._around(x, y, reach, reach)
        dx, dy = self._x[box] - x, self._y[box] - y
        c, s = math.cos(angle), math.sin(angle)
        u = c * dx + s * dy
        distance = self._shape(u, c * dy - s * dx, radius)
        # An edge is as wide as it moves across itself; outwards is about away from the middle.
        from_middle = np.sqrt(dx * dx + dy * dy) + 1e-3
        edge = member.blur + np.abs(across * dx + down * dy) / from_middle
        alpha = np.clip(0.5 - distance / edge, 0, 1)
        halo = np.clip(1 - distance / (0.3 * radius), 0, 1)
        rounded = np.clip(-distance / (0.5 * radius), 0, 1)
        marking = np.clip(u / (0.12 * radius), -1, 1)
        lightness = member.tone - 0.28 + 0.3 * np.sqrt(rounded) + 0.06 * marking
        lightness += self._lamp.on(dx / radius, dy / radius)
        under = colors[:, *box] * (1 - 0.4 * halo * halo)
        colors[:, *box] = under + (palettes.colored(palette, lightness) - under) * alpha

    def _around(self, x: float, y: float, across: float, down: float) -> tuple[slice, slice]:
        """Return the pixels of a rectangle around a point."""
        height, width = self._x.shape

        def pixels(middle: float, reach: float) -> slice:
            low, high = middle - reach * height, middle + reach * height
            return slice(max(0, math.floor(low)), max(0, math.ceil(high)))

        return pixels(y * height + height / 2, down), pixels(x * height + width / 2, across)
