"""Colors of a rendered scene: the hues near its class's."""

import colorsys

import numpy as np

from data_prep.sample.shapes import unit

LEVELS = 256
"""Length of a palette."""


def scenery(hue: float, saturation: float) -> np.ndarray:
    """Return the colors of background, float32 `[3, 256]` in [0, 255], from dark to light."""
    return _palette((hue, 1.0, 0.15), (hue, saturation, 0.9), (hue + 0.02, 0.5 * saturation, 1.0))


def objects(hue: float) -> np.ndarray:
    """Return the colors of objects, likewise; they are lighter."""
    return _palette((hue - 0.01, 1.0, 0.2), (hue + 0.02, 0.75, 0.95), (hue + 0.04, 0.12, 1.0))


def colored(palette: np.ndarray, lightness: np.ndarray) -> np.ndarray:
    """Return the colors `[3, ...]` of a lightness in [0, 1]; beyond, those of the ends."""
    levels = (unit(lightness) * (LEVELS - 1)).astype(np.intp)
    return np.take(palette, levels, axis=1)


def _palette(*stops: tuple[float, float, float]) -> np.ndarray:
    """Return a palette from evenly spaced hues, saturations and values."""
    rgb = 255 * np.array([colorsys.hsv_to_rgb(h % 1, s, v) for h, s, v in stops])
    place = np.linspace(0, len(stops) - 1, LEVELS)
    channels = [np.interp(place, range(len(stops)), channel) for channel in rgb.T]
    return np.stack(channels).astype(np.float32)
