"""Base class and loader of every settings class."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from data_prep.errors import UserError

MAX_SEED = 2**32 - 1
"""Largest seed that every random generator in use accepts and that a record can hold."""

MAX_WORKERS = 256
"""Largest number of processes on one machine; each takes about 300 MB of memory."""

DAY = 86_400.0
"""Seconds in a day, the largest value of most settings that are times."""

_SHOWN = 80  # characters of a value in an error message

SettingsT = TypeVar("SettingsT", bound="Settings")


class Settings(BaseModel):
    """Base of every settings class: immutable; an unknown or ill-typed key is an error.

    NaN and infinities are refused: no setting means anything with them, and JSON has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def load(cls: type[SettingsT], mapping: object, where: str) -> SettingsT:
    """Validate a mapping of settings.

    Args:
        cls: the settings class.
        mapping: keys and values, as read from YAML or JSON.
        where: what the settings are or where they come from; error messages begin with it.

    Returns:
        The validated settings.

    Raises:
        UserError: `WHERE: KEY: rule, got VALUE`, for every wrong key.
    """
    if not isinstance(mapping, Mapping):
        raise UserError(f"{where}: must be a mapping of keys to values, got {shown(mapping)}")
    try:
        return cls.model_validate(dict(mapping))
    except ValidationError as error:
        problems = "; ".join(_problem(dict(item)) for item in error.errors())
        raise UserError(f"{where}: {problems}") from error


def shown(value: object) -> str:
    """Return a value as error messages show it: its repr, shortened in the middle."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, deep nesting
        return f"a very large {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


def _problem(item: dict[str, Any]) -> str:
    key = ".".join(shown(part).strip("'") for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if item["type"] == "missing":
        return f"{key}: missing key"
    if item["type"] == "value_error":  # raised by one of our validators, in our own words
        return ": ".join(filter(None, (key, str(item["ctx"]["error"]))))
    return f"{key}: {item['msg']}, got {shown(item['input'])}"
