"""Settings of the action-recognition analysis."""

from pydantic import Field, field_validator

from data_prep.settings import Settings

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
        return separators
