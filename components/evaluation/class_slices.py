"""Mixtures by the classes of their two videos: one class or two.

Only in a mixture of one class does control depend on the timing of the audio; in one of two classes
its timbre tells the target clip too.

Public names: `CLASSES`, `ONE_CLASS`, `TWO_CLASSES`, `BY_CLASSES` and `classes_of(v1_label,
v2_label)`.
"""

from collections.abc import Collection

CLASSES = "classes"
"""Name of the slices. Records have the labels only, so the Evaluator derives the values."""

TWO_CLASSES, ONE_CLASS = "two classes", "one class"
"""Values of the slices, in the order of tables; `""` stands for mixtures with an unknown class."""


def classes_of(v1_label: str, v2_label: str) -> str:
    """Return `ONE_CLASS` or `TWO_CLASSES`; empty if one of the labels is."""
    if not (v1_label and v2_label):
        return ""
    return ONE_CLASS if v1_label == v2_label else TWO_CLASSES


def in_order(found: Collection[str]) -> list[str]:
    """Return which of `TWO_CLASSES` and `ONE_CLASS` were found, in the order of tables."""
    return [name for name in (TWO_CLASSES, ONE_CLASS) if name in found]
