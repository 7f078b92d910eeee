"""The downstream protocol on plain arrays: which output answers for which video, and how often."""

from collections.abc import Mapping

import numpy as np

from components.analysis import mean_with_interval
from data_prep.pairing import MIXTURE_TYPES


def assign(to_v1: np.ndarray, to_v2: np.ndarray) -> np.ndarray:
    """Choose the outputs that stand for V1 and V2, as `L_pil` does.

    Args:
        to_v1: distances `l(V1, O)`, `[B, n]`.
        to_v2: distances `l(V2, O)`, `[B, n]`.

    Returns:
        `(i, j)` of each mixture, int `[B, 2]`: those that minimise `l(V1, O_i) + l(V2, O_j)` over
        `i != j`.
    """
    n = to_v1.shape[1]
    pairs = to_v1[:, :, None] + to_v2[:, None, :]
    pairs[:, np.arange(n), np.arange(n)] = np.inf
    best = pairs.reshape(len(pairs), -1).argmin(axis=1)
    return np.stack(np.divmod(best, n), axis=1)


def summarise(
    answers: Mapping[str, np.ndarray], labels: np.ndarray, mixture_types: np.ndarray
) -> dict:
    """Compute the accuracies.

    Args:
        answers: input -> the classes that were answered for V1 and V2, text `[N, 2]`.
        labels: their true classes, text `[N, 2]`; "" where a video has none.
        mixture_types: text `[N]`.

    Returns:
        `mixtures`: how many were asked about; `unlabelled`: how many were left out because one of
        their videos has no class; `mixture_types`: type -> `mixtures` and `inputs`: input ->
        `accuracy`, `accuracy_interval`.
    """
    labelled = (labels != "").all(axis=1)
    by_type = {}
    for mixture_type in MIXTURE_TYPES:
        asked = labelled & (mixture_types == mixture_type)
        if asked.any():
            by_type[mixture_type] = {
                "mixtures": int(asked.sum()),
                "inputs": {
                    # A mixture's two answers hang together: it is one observation.
                    name: mean_with_interval("accuracy", (given == labels)[asked].mean(axis=1))
                    for name, given in answers.items()
                },
            }
    return {
        "mixtures": int(labelled.sum()),
        "unlabelled": int((~labelled).sum()),
        "mixture_types": by_type,
    }
