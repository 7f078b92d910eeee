"""The downstream protocol on plain arrays: how often a class is named rightly."""

from collections.abc import Mapping

import numpy as np

from components.analyses.artifact import mean_with_interval
from data_prep.mixing.pairing import MIXTURE_TYPES


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
