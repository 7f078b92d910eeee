"""Occlusion masks that move with a clip's content, made of SLIC supervoxels."""

import numpy as np

from data_prep.mixing.lab import SCALE, stretched_lab

COMPACTNESS = 10.0
"""Weight of distance in space and time against that of color, in units of CIELAB."""

# An occluder smaller than this share is hardly seen; a larger one hides the other clip.
MIN_SHARE, MAX_SHARE = 0.1, 0.9
# The occluder stops growing at a share drawn from this range, about a third to a half of the
# frame, so that enough of both videos is left to tell them apart.
TARGET_SHARE = (0.25, 0.5)


def occlusion_alpha(frames: np.ndarray, segments: int, rng: np.random.Generator) -> np.ndarray:
    """Make a mask that moves with a clip's content, from its SLIC supervoxels.

    Supervoxels (Achanta et al., SLIC Superpixels, 2012) are computed over (T, H, W) at half size
    in each direction and enlarged by nearest neighbor, which costs a sixth of the full size.
    Supervoxels are then added in random order until a random share of the clip is reached.

    Args:
        frames: uint8 `[T, H, W, 3]`, the clip in front.
        segments: supervoxels requested; SLIC makes somewhat fewer.
        rng: decides which supervoxels form the occluder.

    Returns:
        bool `[T, H, W]`, True where the clip occludes the other: 10 to 90 % of all pixels.
    """
    labels = _supervoxels(frames[::2, ::2, ::2], segments)
    for axis, size in enumerate(frames.shape[:3]):
        labels = labels.repeat(2, axis=axis).take(np.arange(size), axis=axis)
    mask = _grow(labels, rng)
    if mask is None:  # a clip without texture may be a single supervoxel
        mask = _grow(_halves(labels.shape), rng)
    assert mask is not None, "one of two halves always fits the bounds"
    return mask


def _supervoxels(frames: np.ndarray, segments: int) -> np.ndarray:
    from skimage.segmentation import slic

    lab = stretched_lab(frames)
    # SLIC scales colors that it didn't convert itself to [0, 1].
    compactness = COMPACTNESS * SCALE / max(1, np.ptp(lab))
    return slic(
        lab.astype(np.float64),
        n_segments=segments,
        compactness=compactness,
        convert2lab=False,
        start_label=0,
        channel_axis=-1,
    )


def _grow(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Add random labels up to a random share; None if no choice is within the bounds."""
    shares = np.bincount(labels.ravel()) / labels.size
    target = rng.uniform(*TARGET_SHARE)
    chosen, share = [], 0.0
    for label in rng.permutation(len(shares)):
        if share < target and share + shares[label] <= MAX_SHARE:
            chosen.append(label)
            share += shares[label]
    return np.isin(labels, chosen) if share >= MIN_SHARE else None


def _halves(shape: tuple[int, ...]) -> np.ndarray:
    """Label the left half of a volume 0 and its right half 1."""
    width = shape[2]
    return np.broadcast_to((np.arange(width) >= width // 2).astype(np.int64), shape)
