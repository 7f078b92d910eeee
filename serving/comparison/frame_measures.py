"""Measures of a separated video against the true one, frame by frame, in NumPy.

They are those of `models.losses` and `models.quality`, which need Keras, and flicker.
"""

import numpy as np
from skimage.metrics import structural_similarity

_LEAST_ERROR = 1e-10  # of colors in [-1, 1]; the PSNR of an exact frame is 106 dB


def loss(video: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the papers' reconstruction loss of each frame.

    `l(U, V) = 1/2 (|U - V|_1 + |grad U - grad V|_1)` on colors in [-1, 1], with norms as means and
    the gradient by forward differences, its two directions averaged.

    Args:
        video: uint8 `[T, H, W, 3]`.
        truth: uint8 `[T, H, W, 3]`.

    Returns:
        float64 `[T]`.
    """
    error = (video.astype(np.float32) - truth) / 127.5
    down, across = np.diff(error, axis=1), np.diff(error, axis=2)
    return 0.5 * (_mean_abs(error) + 0.5 * _mean_abs(down) + 0.5 * _mean_abs(across))


def psnr(video: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each frame in dB, at most 106, float64 `[T]`.

    Args:
        video: uint8 `[T, H, W, 3]`.
        truth: uint8 `[T, H, W, 3]`.
    """
    error = (video.astype(np.float32) - truth) / 127.5
    squares = np.square(error).mean((1, 2, 3), dtype=np.float64)
    return 10 * np.log10(4 / np.maximum(squares, _LEAST_ERROR))


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


def flicker(video: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the mean absolute error of each change from one frame to the next.

    Args:
        video: uint8 `[T, H, W, 3]`.
        truth: uint8 `[T, H, W, 3]`.

    Returns:
        8-bit levels, float64 `[T - 1]`.
    """
    return _mean_abs(np.diff(video.astype(np.float32) - truth, axis=0))


def _mean_abs(values: np.ndarray) -> np.ndarray:
    return np.abs(values).mean((1, 2, 3), dtype=np.float64)
