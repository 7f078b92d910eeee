"""The separators in whose outputs actions are recognized."""

import math
from collections.abc import Mapping

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.export.exported_model import ExportedModel


def load_separator(name: str, folder: str, clip: ClipConfig) -> ExportedModel:
    """Load one version of a separator, for mixtures of one shape.

    Args:
        name: what the settings call it.
        folder: URI of the version's folder.
        clip: the shape of the mixtures.

    Raises:
        UserError: the folder holds no separator, or one for clips of another shape.
    """
    where = f"separators.{name}"
    try:
        model = ExportedModel(folder)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    if not model.system.task.separates_layers:
        raise UserError(f"{where}: {folder}: must be a separator, got system {model.system.name}")
    own, asked = model.clip.model_dump(), clip.model_dump()
    if not model.system.uses_audio:
        del asked["sample_rate"]
    # A model describes its frame rate as a float32.
    if not all(math.isclose(asked[key], own[key], rel_tol=1e-5) for key in asked):
        raise UserError(
            f"{where}: {folder}: must take the records' clips, {_describe(asked)}, got "
            f"{_describe({key: own[key] for key in asked})}"
        )
    return model


def _describe(clip: Mapping[str, float]) -> str:
    text = (
        f"{clip['frames']} frames of {clip['width']}x{clip['height']} at {clip['fps']:g} fps, "
        f"short side {clip['short_side']}"
    )
    return f"{text}, audio at {clip['sample_rate']} Hz" if "sample_rate" in clip else text
