"""CIELAB colors in whole numbers, the same on every processor.

Vectorized powers and roots, as NumPy and scikit-image use them, differ in the last bit between
instruction sets. Here they only fill tables, whose entries are rounded; all else is integers.
"""

from functools import cache

import numpy as np

SCALE = 1 << 12
"""Steps per unit of L*, a* and b*."""

_LIGHT = 1 << 16  # steps of linear light

# Rows X, Y, Z, relative to white: their parts of R, G and B (sRGB, IEC 61966-2-1; D65).
_XYZ_OF_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
) / [[0.950456], [1.0], [1.088754]]


def stretched_lab(frames: np.ndarray) -> np.ndarray:
    """Convert a clip to CIELAB after its levels are stretched to the whole range.

    Args:
        frames: uint8 `[T, H, W, 3]`, sRGB.

    Returns:
        int32 `[T, H, W, 3]`: L*, a* and b* in steps of `1 / SCALE`.
    """
    tables = _light_of_levels(int(frames.min()), int(frames.max()))
    channels = np.ascontiguousarray(np.moveaxis(frames, -1, 0))
    x, y, z = (
        _curve()[sum(table[levels] for table, levels in zip(axis, channels, strict=True))]
        for axis in tables
    )
    return np.stack([116 * y - 16 * SCALE, 500 * (x - y), 200 * (y - z)], axis=-1)


def _light_of_levels(lowest: int, highest: int) -> np.ndarray:
    """Return what each level of R, G and B adds to X, Y and Z, int32 `[XYZ, RGB, 256]`."""
    level = np.clip((np.arange(256) - lowest) / max(highest - lowest, 1), 0, 1)
    light = np.where(level > 0.04045, ((level + 0.055) / 1.055) ** 2.4, level / 12.92)
    return np.round(_LIGHT * light * _XYZ_OF_RGB[..., None]).astype(np.int32)


@cache
def _curve() -> np.ndarray:
    """Return CIELAB's nonlinearity for every sum of light, int32."""
    light = np.arange(_LIGHT + 4) / _LIGHT  # rounding may add up to a step beyond white
    curve = np.where(light > 0.008856, np.cbrt(light), 7.787 * light + 16 / 116)
    return np.round(SCALE * curve).astype(np.int32)
