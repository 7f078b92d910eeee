"""Light and film of a rendered scene."""

import numpy as np

from data_prep.sample.shapes import unit

_GRAIN = 1.5  # standard deviation, of 255


class Lamp:
    """A light that shines on the objects from a side above; `rng` draws which."""

    def __init__(self, rng: np.random.Generator) -> None:
        angle = rng.uniform(0.2, 0.8) * np.pi
        self._x, self._y = float(-np.cos(angle)), float(-np.sin(angle))

    def on(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return how much lighter an object of radius 1 is at these places from its middle."""
        facing = self._x * x + self._y * y
        right, down = x - 0.4 * self._x, y - 0.4 * self._y
        gloss = unit(1 - (right * right + down * down) / 0.12)
        return 0.18 * facing + 0.3 * gloss


class Film:
    """What happens to a frame as a whole: uneven light that moves slowly, and grain.

    Args:
        rng: decides where the light comes from, and draws the grain.
        height: of the frames, in pixels.
        width: likewise.
        times: `[T]`, seconds.
    """

    def __init__(
        self, rng: np.random.Generator, height: int, width: int, times: np.ndarray
    ) -> None:
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self._x, self._y = (x - width / 2) / height, (y - height / 2) / height
        self._vignette = 1.08 - rng.uniform(0.5, 0.9) * (self._x**2 + self._y**2)
        turn = 2 * np.pi * (times / rng.uniform(6, 10) * rng.choice([-1, 1]) + rng.uniform())
        self._tilts = rng.uniform(0.15, 0.3) * np.stack([np.cos(turn), np.sin(turn)], -1)
        self._grain = rng.normal(0, _GRAIN, (2 * height, 2 * width)).astype(np.float32)
        self._shifts = rng.integers(0, (height, width), (len(times), 2))

    def expose(self, colors: np.ndarray, index: int, out: np.ndarray) -> None:
        """Write frame `index`, uint8 `[H, W, 3]`, of colors `[3, H, W]` in [0, 255]."""
        across, down = self._tilts[index].tolist()
        light = self._vignette + across * self._x + down * self._y
        height, width = light.shape
        top, left = self._shifts[index].tolist()
        colors *= light
        colors += self._grain[top : top + height, left : left + width]
        np.clip(colors, 0, 255, out=colors)
        for channel, values in enumerate(colors):  # a copy of all axes at once is ten times slower
            out[..., channel] = values
