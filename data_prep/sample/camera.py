"""Camera of a rendered scene: it pans, zooms and shakes a little; what is near moves more."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Camera:
    """Where the camera looks over time, each `[T]`; lengths are in frame heights.

    Attributes:
        x: of the middle of the view.
        y: likewise.
        zoom: magnification.
    """

    x: np.ndarray
    y: np.ndarray
    zoom: np.ndarray

    def magnified(self, nearness: float) -> np.ndarray:
        """Return the magnification `[T]` of what is at this nearness, 0 for infinitely far."""
        return 1 + nearness * (self.zoom - 1)

    def seen(
        self, x: np.ndarray | float, y: np.ndarray | float, nearness: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return where the frame shows a point, x and y from its middle, each `[T]`."""
        zoom = self.magnified(nearness)
        return (x - nearness * self.x) * zoom, (y - nearness * self.y) * zoom

    def window(
        self, index: int, nearness: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        """Return what a frame shows of a plane: left, top, right, bottom."""
        zoom = 1 + nearness * (float(self.zoom[index]) - 1)
        x, y = nearness * float(self.x[index]), nearness * float(self.y[index])
        w, h = width / 2 / zoom, height / 2 / zoom
        return x - w, y - h, x + w, y + h


REACH = 0.12
"""Largest distance of the middle of the view from the origin, in frame heights."""


def draw_camera(rng: np.random.Generator, times: np.ndarray) -> Camera:
    """Draw the path of a camera at the times `[T]` in seconds."""

    def sway(amplitude: float, period: float) -> np.ndarray:
        turn = 2 * np.pi * (times / (period * rng.uniform(0.8, 1.25)) + rng.uniform())
        return amplitude * rng.uniform(0.5, 1) * np.sin(turn)

    x, y = (sway(pan, 9) + sway(0.004, 0.9) + sway(0.002, 0.4) for pan in (0.1, 0.04))
    return Camera(x, y, 1.04 + sway(0.05, 10))
