"""Versions of a model: one subfolder each, with a whole number as name."""

import enum
from pathlib import Path

from data_prep.errors import UserError

MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
"""Files of a SavedModel, of which a version has one."""

MAX_VERSION = 2**63 - 1
"""The largest version, an int64."""


class State(enum.IntEnum):
    """State of a version, with the numbers of TensorFlow Serving's ModelVersionStatus.

    A version begins with LOADING here; TensorFlow Serving also reports START.
    """

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


def parse_version(name: str) -> int | None:
    """Return the version that a folder holds by its name; None if the name is no version."""
    if not (name.isascii() and name.isdecimal()):
        return None
    digits = name.lstrip("0") or "0"
    if len(digits) > len(str(MAX_VERSION)) or int(digits) > MAX_VERSION:
        return None
    return int(digits)


def find_versions(folder: Path) -> dict[int, Path]:
    """Find the versions of a model: folders with a whole number as name that hold a SavedModel.

    Returns:
        Version -> its folder, newest version first. A folder without a SavedModel, for example one
        that is still being copied, does not count. One that cannot be read does, so that
        loading it says why.

    Raises:
        UserError: the folder does not exist.
    """
    try:
        children = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: must be a readable folder: {error.strerror}") from error
    found = {
        version: child
        for child in children
        if (version := parse_version(child.name)) is not None and _may_hold_model(child)
    }
    return dict(sorted(found.items(), reverse=True))


def _may_hold_model(folder: Path) -> bool:
    try:
        return any((folder / name).is_file() for name in MODEL_FILES)
    except OSError:
        return True


def require_version(folder: Path) -> None:
    """Raise UserError unless the folder holds at least one version of a model."""
    if not find_versions(folder):
        raise UserError(
            f"{folder}: must hold at least one version of a model, a folder with a whole number as "
            "name that holds saved_model.pb"
        )


def find_model(folder: Path) -> Path:
    """Return the folder of a version: the given one, or the newest in it.

    Raises:
        UserError: neither is one.
    """
    if any((folder / name).is_file() for name in MODEL_FILES):
        return folder.resolve()
    require_version(folder)
    return next(iter(find_versions(folder).values())).resolve()
