"""The pushed separators in whose outputs actions are recognised."""

import math

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.export.exported_model import ExportedModel


def load_separator(name: str, folder: str, clip: ClipConfig) -> ExportedModel:
    """Load one version of a separator, for mixtures of one shape.

    Args:
        name: what the settings call it.
        folder: the version's folder, here or remote.
        clip: the shape of the mixtures.

    Raises:
        UserError: the folder holds no separator, or one for clips of another shape.
    """
    where = f"separators.{name}"
    try:
        model = ExportedModel(folder)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    if not model.separates:
        raise UserError(f"{where}: {folder}: must be a separator: received a classifier")
    own, asked = model.clip.model_dump(), clip.model_dump()
    if not model.hears:
        del asked["sample_rate"]  # which is nothing to a separator that does not hear
    # A model tells its frame rate as a float32.
    if not all(math.isclose(asked[key], own[key], rel_tol=1e-5) for key in asked):
        raise UserError(
            f"{where}: {folder}: a separator must take the records' clips, {_describe(asked)}: "
            f"received one of {_describe({key: own[key] for key in asked})}"
        )
    return model


def _describe(clip: dict) -> str:
    text = (
        f"{clip['frames']} frames of {clip['height']}x{clip['width']} at {clip['fps']:g} fps, "
        f"short side {clip['short_side']}"
    )
    return f"{text}, sound at {clip['sample_rate']} Hz" if "sample_rate" in clip else text
