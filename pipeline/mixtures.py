"""Mixtures of another run, which a run can import instead of making them."""

from data_prep import storage
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.records.info import INFO, DatasetInfo
from data_prep.splits import SPLITS


def require_mixtures(folder: str, data: DataConfig) -> None:
    """Check that a folder holds what MixtureGen writes.

    Args:
        folder: the folder.
        data: the shape and the margin that the clips must have.

    Raises:
        UserError: it holds something else, or clips of another shape or margin.
    """
    rule = "mixtures: must be a folder that MixtureGen wrote"
    try:
        info = DatasetInfo.read(storage.join(folder, INFO))
        empty = splits_without_records(folder)
    except UserError as error:
        raise UserError(f"{rule}, got {folder}: {error}") from error
    if empty:
        raise UserError(f"{rule}, got {folder} without records in {', '.join(empty)}")
    there, needed = (
        {**settings.clip.model_dump(), "margin": settings.margin}
        for settings in (info.settings, data)
    )
    for key, value in needed.items():
        if there[key] != value:
            raise UserError(f"mixtures: must have clips with {key} {value}, got {there[key]}")


def splits_without_records(folder: str) -> list[str]:
    """Return the folders of splits that are empty or missing in a folder of examples."""
    splits = (storage.join(folder, f"Split-{split}") for split in SPLITS)
    return [split for split in splits if storage.is_empty(split)]
