"""What mixes two clips: the alpha of an occlusion, and the one place that composes."""

import numpy as np

# An occluder below the one is hardly seen, above the other it hides V2 altogether.
MIN_SHARE, MAX_SHARE = 0.1, 0.9
# The share at which an occluder stops growing is drawn from this range: about a third to
# a half of the picture, so that both videos have enough left to be told apart.
TARGET_SHARE = (0.25, 0.5)


def compose(v1, v2, alpha):
    """Mixes two videos: `alpha * v1 + (1 - alpha) * v2`, element by element.

    Written with operators only, so that it takes NumPy arrays and Keras, TensorFlow or JAX
    tensors alike.

    Args:
        v1: float [..., T, H, W, 3], in any value range.
        v2: float [..., T, H, W, 3], in the same range.
        alpha: float, a number or [..., T, H, W, 1], in [0, 1].

    Returns:
        float [..., T, H, W, 3], in the range of `v1` and `v2`.
    """
    return alpha * v1 + (1 - alpha) * v2


def occlusion_alpha(frames: np.ndarray, segments: int, rng: np.random.Generator) -> np.ndarray:
    """Makes a mask that moves with a clip's content, out of its SLIC supervoxels.

    Supervoxels (Achanta et al., SLIC Superpixels, 2012) are made over (T, H, W) at half size in
    each direction and enlarged by nearest neighbour, which costs a sixth of full size. Supervoxels
    are then added in random order until a random share of the clip is reached.

    Args:
        frames: uint8 [T, H, W, 3], the clip that occludes.
        segments: supervoxels asked for; SLIC makes somewhat fewer.
        rng: decides which supervoxels form the occluder.

    Returns:
        bool [T, H, W], True where the clip occludes: a share of 0.1 to 0.9 of all pixels.
    """
    labels = _supervoxels(frames[::2, ::2, ::2], segments)
    for axis, size in enumerate(frames.shape[:3]):
        labels = labels.repeat(2, axis=axis).take(np.arange(size), axis=axis)
    mask = _grow(labels, rng)
    # A clip without texture may come back as one supervoxel, of which no share is left to show.
    return _grow(_halves(labels.shape), rng) if mask is None else mask


def _supervoxels(frames: np.ndarray, segments: int) -> np.ndarray:
    from skimage.segmentation import slic

    return slic(frames, n_segments=segments, start_label=0, channel_axis=-1)


def _grow(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Adds random labels up to a random share; None if no choice keeps within the bounds."""
    shares = np.bincount(labels.ravel()) / labels.size
    target = rng.uniform(*TARGET_SHARE)
    chosen, share = [], 0.0
    for label in rng.permutation(len(shares)):
        if share < target and share + shares[label] <= MAX_SHARE:
            chosen.append(label)
            share += shares[label]
    return np.isin(labels, chosen) if share >= MIN_SHARE else None


def _halves(shape: tuple[int, int, int]) -> np.ndarray:
    """Labels a volume's left half 0 and its right half 1."""
    width = shape[2]
    return np.broadcast_to((np.arange(width) >= width // 2).astype(np.int64), shape)
