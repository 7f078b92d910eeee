"""The model that a new one is compared with: what serving holds for the same task and clips.

It is looked up in the folder that models are pushed to, not in ML Metadata: platforms query that
for all models of a project, and some have none. So it is the same on every platform.
"""

from data_prep import storage
from models.export.exported_weights import CLIP, is_copy, list_versions


def find_baseline(serving: str, model: str) -> str:
    """Return the folder of the newest version that can be compared with a model.

    A model is not compared with a copy of itself, so a repeated evaluation finds the same version
    as the first one.

    Args:
        serving: folder of the versions of one kind of task.
        model: folder of the model at hand.

    Returns:
        The version's folder; empty if there is none.
    """
    found = comparable_versions(serving, model)
    return next((version for version in found.values() if not is_copy(version, model)), "")


def comparable_versions(serving: str, model: str) -> dict[int, str]:
    """Return version -> folder of the versions that take the same clips as a model, newest first.

    Args:
        serving: folder of the versions of one kind of task.
        model: folder of the model.
    """
    clip = _clip(model)
    versions = list_versions(serving)
    return {number: version for number, version in versions.items() if _clip(version) == clip}


def _clip(version: str) -> str:
    """Return the text that describes the clips of a model; empty if it holds none."""
    file = storage.join(version, CLIP)
    return storage.read_text(file) if storage.is_file(file) else ""
