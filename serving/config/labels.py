"""Version labels of a served model, and how they move."""

from collections.abc import Mapping

from data_prep.errors import UserError

STABLE, CANARY, PREVIOUS = "stable", "canary", "previous"

LABELS = {STABLE: PREVIOUS, CANARY: STABLE}
"""Label that can be moved -> the label whose version a rollback moves it to."""

Labels = Mapping[str, int]
"""Label -> version."""


def promoted(labels: Labels, label: str, version: int) -> dict[str, int]:
    """Return the labels after a promotion; `previous` keeps the version that was stable.

    Args:
        labels: the labels before.
        label: one of `LABELS`.
        version: the version that it shall point to.
    """
    moved = {**labels, label: version}
    if label == STABLE and labels.get(STABLE, version) != version:
        moved[PREVIOUS] = labels[STABLE]
    return moved


def rolled_back(labels: Labels, label: str) -> dict[str, int]:
    """Return the labels after a rollback: `stable` becomes `previous`, or `canary` `stable`.

    Raises:
        UserError: there is no version to go back to, or the label points to it already.
    """
    source = LABELS[label]
    if source not in labels:
        raise UserError(f"rollback of {label}: must have a version labeled {source}, got none")
    if labels.get(label) == labels[source]:
        raise UserError(
            f"rollback of {label}: must point to another version than {source}, "
            f"got {labels[source]} for both"
        )
    return {**labels, label: labels[source]}
