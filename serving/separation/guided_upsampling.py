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

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

_BOX = 3  # side of the box of small pixels in which a map is fitted
_RIDGE = 1e-4  # variance of the colors, in [0, 1], below which there is nothing to fit


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
    ridge = _RIDGE * np.eye(3, dtype=np.float32)
    result = np.empty((len(outputs), 12, *guide.shape[:2]), np.float32)
    for row, one in zip(result, difference, strict=True):
        shared = _box(_outer(guide, one)) - _outer(_box(guide), _box(one))
        maps = _box(np.linalg.solve(covariance + ridge, shared))
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
    large = [np.asarray(_enlarge(channel, height, width)) for channel in maps]
    colors = [np.ascontiguousarray(mixture[..., c], np.float32) / 255 for c in range(3)]
    output = np.empty_like(mixture)
    for c in range(3):
        value = large[9 + c] + colors[c]
        for share, color in zip(large[3 * c : 3 * c + 3], colors, strict=True):
            value += share * color
        output[..., c] = np.clip(value * 255 + 0.5, 0, 255)
    return output


def _enlarge(channel: np.ndarray, height: int, width: int) -> Image.Image:
    return Image.fromarray(channel).resize((width, height), Image.Resampling.BICUBIC)


def _outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., :, np.newaxis] * b[..., np.newaxis, :]


def _box(values: np.ndarray) -> np.ndarray:
    """Average `[h, w, ...]` over a box around each pixel."""
    return uniform_filter(values, (_BOX, _BOX, *[1] * (values.ndim - 2)), mode="nearest")
