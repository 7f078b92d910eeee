"""Measures of a separated video against the true one, frame by frame, in NumPy.

They are those of `models.losses` and `models.quality`, which need Keras, and flicker.
"""

import math

import numpy as np
from skimage.metrics import structural_similarity

_LEVELS = 127.5  # 8-bit levels between the colors 0 and 1
_STRIP = 32  # rows
_LEAST_ERROR = 1e-10  # of colors in [-1, 1]; the PSNR of an exact frame is 106 dB


def errors(video: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return video minus truth, both uint8 `[T, H, W, 3]`, as float32 in 8-bit levels."""
    return np.subtract(video, truth, dtype=np.float32)


def loss(errors: np.ndarray) -> np.ndarray:
    """Return the papers' reconstruction loss of each frame, `[T]`.

    `l(U, V) = 1/2 (|U - V|_1 + |grad U - grad V|_1)` on colors in [-1, 1], with norms as means and
    the gradient by forward differences, its two directions averaged.

    Args:
        errors: float32 `[T, H, W, 3]`, in 8-bit levels.
    """
    gradient = 0.5 * (_mean_abs(errors, change=1) + _mean_abs(errors, change=2))
    return 0.5 * (_mean_abs(errors) + gradient) / _LEVELS


def psnr(errors: np.ndarray) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each frame in dB, at most 106, `[T]`.

    Args:
        errors: float32 `[T, H, W, 3]`, in 8-bit levels.
    """
    squares = np.array([np.dot(x, x) / x.size for x in map(np.ravel, errors)])
    return 10 * np.log10(4 / np.maximum(squares / _LEVELS**2, _LEAST_ERROR))


def flicker(errors: np.ndarray) -> np.ndarray:
    """Return the mean absolute error of each change from one frame to the next, `[T - 1]`.

    Args:
        errors: float32 `[T, H, W, 3]`, in 8-bit levels, as is the result.
    """
    return _mean_abs(errors, change=0)


def ssim(video: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the structural similarity (Wang et al., 2004) of each frame, float64 `[T]`.

    Args:
        video: uint8 `[T, H, W, 3]`, at least 11 pixels high and wide.
        truth: uint8 `[T, H, W, 3]`.
    """
    return np.array(
        [
            structural_similarity(
                frame.astype(np.float32),
                true.astype(np.float32),
                channel_axis=-1,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            for frame, true in zip(video, truth, strict=True)
        ]
    )


def _mean_abs(values: np.ndarray, change: int | None = None) -> np.ndarray:
    """Return the mean absolute value of each frame, or that of its change along an axis.

    Strips of rows stay in the processor's cache, which takes half the time of whole frames.
    """
    sums, count = np.zeros(()), 0
    for top in range(0, values.shape[1], _STRIP):
        strip = values[:, top : top + _STRIP + (change == 1)]
        part = strip if change is None else np.diff(strip, axis=change)
        sums = sums + np.abs(part).sum(axis=(1, 2, 3))
        count += math.prod(part.shape[1:])
    return sums / count
