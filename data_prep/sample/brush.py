"""Drawing of the objects of a rendered scene and of their shadows."""

import math

import numpy as np

from data_prep.sample import palettes
from data_prep.sample.cast import Member
from data_prep.sample.lighting import Lamp
from data_prep.sample.shapes import SignedDistance, unit


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
        u, v = np.meshgrid(np.linspace(-2, 2, 81), np.linspace(-2, 2, 81))
        self._reach = float(np.hypot(u, v)[shape(u, v, 1.0) < 0].max())  # of a radius of 1

    def shade_floor(self, colors: np.ndarray, member: Member, index: int) -> None:
        """Draw an object's soft shadow on the floor into colors `[3, H, W]`."""
        x, y = float(member.x[index]), float(member.ground[index])
        radius = float(member.radius[index])
        height = max(0.0, y - float(member.y[index]) - radius)
        reach = 1.2 * radius + 0.5 * height
        box = self._around(x, y, reach, 0.35 * reach)
        across, along = (self._x[box] - x) / reach, (self._y[box] - y) / (0.35 * reach)
        shade = unit(1 - across * across - along * along)
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
        alpha = unit(0.5 - distance / edge)
        halo = unit(1 - distance / (0.3 * radius))
        rounded = unit(-distance / (0.5 * radius))
        marking = np.minimum(np.maximum(u / (0.12 * radius), -1), 1)
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
