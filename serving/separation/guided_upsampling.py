"""Guided upsampling: small outputs brought to the size of the mixture that they were made from.

Where a small output changes with the small mixture, the large one changes with the large mixture.
Each pixel of the small output is described as a linear map of the mixture's colors and an offset,
as in a fast guided filter (He and Sun 2015). Maps and offsets vary slowly, so they are enlarged and
applied to the large mixture, and so divide its details among the outputs.

The maps describe the output's difference from the mixture. Where nothing tells to which output a
detail belongs, both get it; at even shares that is the best guess. The offset is whatever makes the
small output exact, so nothing that the model computed is lost. `tests/benchmarks/upsampling.py`
compares this with other ways.
"""

from functools import lru_cache

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

_BOX = 3  # side of the box of small pixels in which a map is fitted
_RIDGE = 1e-4  # variance of the colors, in [0, 1], below which there is nothing to fit
_STRIP = 64  # rows


def fit_maps(mixture: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Describe small outputs as local affine maps of the small mixture.

    Args:
        mixture: `[h, w, 3]` in [0, 255].
        outputs: `[n, h, w, 3]` in [0, 255].

    Returns:
        float32 `[n, 12, h, w]`, for colors in [0, 1]. Channels 3 * c to 3 * c + 2 map the mixture's
        colors to color c of the output minus the mixture. Channel 9 + c is the offset of that.
    """
    guide = mixture.astype(np.float32) / 255
    difference = outputs.astype(np.float32) / 255 - guide
    covariance = _box(_outer(guide, guide)) - _outer(_box(guide), _box(guide))
    inverse = np.linalg.inv(covariance + _RIDGE * np.eye(3, dtype=np.float32))
    result = np.empty((len(outputs), 12, *guide.shape[:2]), np.float32)
    for row, one in zip(result, difference, strict=True):
        shared = _box(_outer(guide, one)) - _outer(_box(guide), _box(one))
        maps = _box(inverse @ shared)
        offset = one - np.einsum("hwi,hwic->hwc", guide, maps)
        row[:9] = maps.transpose(3, 2, 0, 1).reshape(9, *guide.shape[:2])
        row[9:] = offset.transpose(2, 0, 1)
    return result


def apply_maps(maps: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Apply affine maps to a large mixture.

    Args:
        maps: float32 `[12, h, w]`, those of one output.
        mixture: uint8 `[H, W, 3]`.

    Returns:
        The large output, uint8 `[H, W, 3]`.
    """
    height, width, _ = mixture.shape
    # Interpolation is linear, so each axis is a matrix product, which takes less time than an
    # image library. Strips of rows stay in the processor's cache, and need few rows of the maps.
    wide = maps @ (255 * _interpolation(maps.shape[2], width).T)
    down = _interpolation(maps.shape[1], height)
    output = np.empty_like(mixture)
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        used = np.flatnonzero(down[rows].any(0))
        near = slice(used[0], used[-1] + 1)
        _apply(down[rows, near] @ wide[:, near], mixture[rows], output[rows])
    return output


def _apply(large: np.ndarray, mixture: np.ndarray, output: np.ndarray) -> None:
    """Apply enlarged maps to some rows.

    Args:
        large: float32 `[12, H, W]`, the maps to [0, 255] from [0, 1]; overwritten.
        mixture: uint8 `[H, W, 3]`.
        output: uint8 `[H, W, 3]`, which is written.
    """
    colors = np.ascontiguousarray(mixture.transpose(2, 0, 1), np.float32)
    shares = large[:9].reshape(3, 3, *large.shape[1:])
    shares *= colors / 255
    values = shares.sum(1)
    values += large[9:]
    values += colors
    values += 0.5
    np.clip(values, 0, 255, out=values)
    output[...] = values.transpose(1, 2, 0)


@lru_cache(maxsize=8)
def _interpolation(few: int, many: int) -> np.ndarray:
    """Return the matrix of bicubic interpolation of one axis, float32 `[many, few]`."""
    identity = Image.fromarray(np.eye(few, dtype=np.float32))
    return np.asarray(identity.resize((few, many), Image.Resampling.BICUBIC))


def _outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., :, np.newaxis] * b[..., np.newaxis, :]


def _box(values: np.ndarray) -> np.ndarray:
    """Average `[h, w, ...]` over a box around each pixel."""
    return uniform_filter(values, (_BOX, _BOX, *[1] * (values.ndim - 2)), mode="nearest")
