"""Random arrays for the tests of layers; the same in every run."""

import numpy as np

RNG = np.random.default_rng(0)


def values(*shape: int) -> np.ndarray:
    """Return values in [0, 1), float32."""
    return RNG.uniform(0, 1, shape).astype(np.float32)
