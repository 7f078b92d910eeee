"""Settings and results of the action-recognition analysis, and accuracies from single answers."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field, field_validator

from components.estimates import Estimate, mean_with_interval
from data_prep import storage
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.results import Results
from data_prep.settings import Settings

NAME = "action_recognition"

PURE, MIXED = "pure", "mixed"
"""Inputs of the classifier beside separators' outputs: single videos, and the mixture."""


class ActionRecognitionSettings(Settings):
    """Separators in whose outputs actions are recognized.

    Attributes:
        separators: name -> folder of one version of an exported separator.
    """

    separators: dict[str, str] = Field(default_factory=dict)

    @field_validator("separators")
    @classmethod
    def _names_are_free(cls, separators: dict[str, str]) -> dict[str, str]:
        if taken := separators.keys() & {PURE, MIXED}:
            raise ValueError(
                f"{PURE} and {MIXED} are the inputs that separators are compared with, got the "
                f"name {min(taken)}"
            )
        # Stages have another working directory than the command that names the folders.
        return {name: storage.absolute(folder) for name, folder in separators.items()}


class TypeAccuracies(Results):
    """Accuracies on the mixtures of one type.

    Attributes:
        mixtures: number of mixtures.
        inputs: input of the classifier -> share of right answers in [0, 1].
    """

    mixtures: int
    inputs: dict[str, Estimate]


class ActionRecognitionResults(Results):
    """Accuracies of the classifier by input and mixture type.

    Attributes:
        classifier: name of the classifier's system.
        mixtures: number of mixtures that were asked about.
        unlabeled: number of mixtures left out because one of their videos has no class.
        mixture_types: the accuracies of each mixture type.
    """

    classifier: str
    mixtures: int
    unlabeled: int
    mixture_types: dict[str, TypeAccuracies]


def summarize(
    classifier: str,
    answers: Mapping[str, np.ndarray],
    labels: np.ndarray,
    mixture_types: np.ndarray,
) -> ActionRecognitionResults:
    """Compute the accuracies.

    Args:
        classifier: name of the classifier's system.
        answers: input -> the classes answered for V1 and V2, text `[N, 2]`.
        labels: the true classes, text `[N, 2]`; "" for a video without a class.
        mixture_types: text `[N]`.
    """
    labeled = (labels != "").all(axis=1)
    by_type = {}
    for name in MIXTURE_TYPES:
        asked = labeled & (mixture_types == name)
        # The two answers of a mixture depend on each other: together they are one observation.
        inputs = {
            key: mean_with_interval((given == labels)[asked].mean(axis=1).tolist(), share=True)
            for key, given in answers.items()
        }
        if asked.any():
            by_type[name] = TypeAccuracies(
                mixtures=int(asked.sum()),
                inputs={key: accuracy for key, accuracy in inputs.items() if accuracy},
            )
    return ActionRecognitionResults(
        classifier=classifier,
        mixtures=int(labeled.sum()),
        unlabeled=int((~labeled).sum()),
        mixture_types=by_type,
    )
