"""Image quality of separated videos: PSNR and SSIM.

The papers report neither, and training does not use them.
"""

import math

import numpy as np
from keras import ops

from models.typing import Tensor

_RANGE = 2.0  # of values in [-1, 1]
_RADIUS = 5
_SIGMA = 1.5
_C1, _C2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2
_LEAST_ERROR = 1e-10


def psnr(target: Tensor, video: Tensor) -> Tensor:
    """Compute the peak signal-to-noise ratio, averaged over frames.

    Args:
        target: `[B, T, H, W, 3]`, values in [-1, 1].
        video: of the same shape.

    Returns:
        Decibels, float32 `[B]`; at most 106, the value of an exact frame.
    """
    error = ops.cast(video, "float32") - ops.cast(target, "float32")
    per_frame = ops.mean(ops.square(error), axis=(2, 3, 4))
    decibels = 10.0 / math.log(10.0) * ops.log(_RANGE**2 / ops.maximum(per_frame, _LEAST_ERROR))
    return ops.mean(decibels, axis=1)


def ssim(target: Tensor, video: Tensor) -> Tensor:
    """Compute the structural similarity (Wang et al., 2004), averaged over frames and colors.

    It uses the paper's 11x11 Gaussian window with standard deviation 1.5, at the positions where
    the window lies wholly in the frame.

    Args:
        target: `[B, T, H, W, 3]`, values in [-1, 1], at least 11 pixels high and wide.
        video: of the same shape.

    Returns:
        float32 `[B]` in [-1, 1]; 1 for equal videos.
    """
    batch_and_frames = (-1, *target.shape[2:])
    x = ops.reshape(ops.cast(target, "float32"), batch_and_frames)
    y = ops.reshape(ops.cast(video, "float32"), batch_and_frames)
    moments = _smooth(ops.concatenate([x, y, x * x, y * y, x * y], axis=-1))
    mean_x, mean_y, xx, yy, xy = ops.split(moments, 5, axis=-1)
    # The term needs means of at least 0, so count them from black.
    light_x, light_y = mean_x + 1.0, mean_y + 1.0
    luminance = (2 * light_x * light_y + _C1) / (light_x**2 + light_y**2 + _C1)
    variances = (xx - mean_x**2) + (yy - mean_y**2)
    structure = (2 * (xy - mean_x * mean_y) + _C2) / (variances + _C2)
    per_frame = ops.mean(luminance * structure, axis=(1, 2, 3))
    return ops.mean(ops.reshape(per_frame, (-1, target.shape[1])), axis=1)


def _smooth(frames: Tensor) -> Tensor:
    """Average over a Gaussian window, one direction after the other: `[B, H-10, W-10, C]`."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    kernel = ops.convert_to_tensor(np.tile(weights[:, None], (1, frames.shape[-1])))
    down = ops.depthwise_conv(frames, kernel[:, None, :, None])
    return ops.depthwise_conv(down, kernel[None, :, :, None])
