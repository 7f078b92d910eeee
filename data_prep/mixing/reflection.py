"""Reflections on glass: a sharp scene behind the pane, and a soft one mirrored by it."""

import numpy as np

# A pane passes most of the light from behind it and mirrors a smaller part.
TRANSMITTED = (0.6, 0.75)
DIMMING = (0.65, 0.9)
# Relative to the height of the frame: the camera focuses behind the pane, and its two faces
# mirror the same scene with a small offset.
BLUR = (0.01, 0.025)
SHIFT = (0.03, 0.06)
SECOND_FACE = 0.4


def reflection_alpha(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw the share of the sharp scene, whose light a pane transmits; the same everywhere.

    Args:
        shape: `(T, H, W)`.
        rng: decides the share.

    Returns:
        float32 `[T, H, W]`, constant, in [0, 1] and a multiple of 1/255, which a record stores
        exactly.
    """
    level = round(rng.uniform(*TRANSMITTED) * 255)
    return np.full(shape, np.float32(level) / np.float32(255))


def reflected(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, dim and double a clip, as the two faces of a pane reflect it.

    Args:
        frames: uint8 `[T, H, W, 3]`.
        rng: decides how much.

    Returns:
        uint8 `[T, H, W, 3]`.
    """
    from scipy.ndimage import gaussian_filter, shift

    height = frames.shape[1]
    sigma = height * rng.uniform(*BLUR)
    angle, distance = rng.uniform(0, 2 * np.pi), height * rng.uniform(*SHIFT)
    dimming = rng.uniform(*DIMMING)
    soft = gaussian_filter(frames.astype(np.float32), (0, sigma, sigma, 0), mode="nearest")
    rows, columns = (round(distance * part) for part in (np.sin(angle), np.cos(angle)))
    second = shift(soft, (0, rows, columns, 0), order=0, mode="nearest")
    mirrored = dimming * ((1 - SECOND_FACE) * soft + SECOND_FACE * second)
    return np.round(mirrored).astype(np.uint8)
