"""Frames of a rendered scene: a drifting texture and a shape that moves to a beat."""

import colorsys
import math
from dataclasses import dataclass

import numpy as np

from data_prep.sample.motions import path
from data_prep.sample.shapes import SIGNED_DISTANCE
from data_prep.sample.textures import texture

_EDGE = 0.02  # width of the line around the shape, in frame heights


@dataclass(frozen=True)
class Look:
    """How the scenes of a class look.

    Attributes:
        hue: in [0, 1), of the whole palette.
        texture: name of the background in `TEXTURES`.
        angle: of the texture, in radians.
        frequency: of the texture, in cycles per frame height.
        shape: name of the moving shape in `SIGNED_DISTANCE`.
        motion: how it moves, a name in `MOTIONS`.
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
    beats: np.ndarray,
    times: np.ndarray,
    height: int,
    width: int,
) -> np.ndarray:
    """Return the frames of a scene, uint8 `[T, H, W, 3]`; lengths are in frame heights.

    Args:
        look: how the class looks.
        rng: decides what differs within the class.
        beats: `[T]`, time in beats; there is a beat at each whole number.
        times: `[T]`, time in seconds.
        height: pixels.
        width: pixels.
    """
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    x, y = x - width / height / 2, y - 0.5
    palette, fill, edge = _colors(look.hue + rng.uniform(-0.2, 0.2) / look.classes)
    lightness = texture(look.texture, rng, x, y, angle=look.angle, frequency=look.frequency)
    shape = SIGNED_DISTANCE[look.shape]
    size, turn = rng.uniform(0.17, 0.23), rng.uniform(-0.3, 0.3)
    frames = np.empty((len(times), height, width, 3), np.uint8)
    places = path(look.motion, rng, beats).tolist()
    for frame, time, (left, top, scale, angle) in zip(frames, times.tolist(), places, strict=True):
        level = (255 * lightness(time)).astype(np.uint8)
        np.take(palette, level, axis=0, out=frame, mode="clip")  # the mode without a buffer
        box = _around(left, top, 1.5 * size * scale, height, width)
        dx, dy = x[box] - left, y[box] - top
        c, s = math.cos(angle + turn), math.sin(angle + turn)
        depth = -shape(c * dx + s * dy, c * dy - s * dx, size * scale) * height  # pixels
        inside, core = (np.clip(depth - d, 0, 1)[..., np.newaxis] for d in (-0.5, _EDGE * height))
        frame[box] = frame[box] * (1 - inside) + (edge + (fill - edge) * core) * inside
    return frames


def _around(x: float, y: float, radius: float, height: int, width: int) -> tuple[slice, slice]:
    """Return the pixels of a square around a point."""

    def pixels(center: float) -> slice:
        reach = radius * height
        return slice(max(0, math.floor(center - reach)), max(0, math.ceil(center + reach)))

    return pixels((y + 0.5) * height), pixels(x * height + width / 2)


def _colors(hue: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the palette, uint8 `[256, 3]` from dark to light, and the shape's two colors."""
    stops = [(hue, 1.0, 0.12), (hue, 0.95, 0.6), (hue + 0.03, 0.5, 1.0)]
    rgb = np.array([colorsys.hsv_to_rgb(h % 1, s, v) for h, s, v in stops]) * 255
    levels = np.linspace(0, 2, 256)
    palette = np.stack([np.interp(levels, range(3), channel) for channel in rgb.T], -1)
    fill = np.array(colorsys.hsv_to_rgb((hue + 0.05) % 1, 0.25, 1.0)) * 255
    edge = np.array(colorsys.hsv_to_rgb(hue % 1, 1.0, 0.1)) * 255
    return palette.astype(np.uint8), fill.astype(np.float32), edge.astype(np.float32)
