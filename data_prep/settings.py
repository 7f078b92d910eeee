"""Base class and loader of every settings class."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from data_prep.errors import UserError

MAX_SEED = 2**32 - 1
"""Largest seed that every random generator in use accepts and that a record can hold."""

SettingsT = TypeVar("SettingsT", bound="Settings")


class Settings(BaseModel):
    """Base of every settings class: immutable; an unknown or ill-typed key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
        raise UserError(f"{where}: must be a mapping of keys to values, got {mapping!r}")
    try:
        return cls.model_validate(dict(mapping))
    except ValidationError as error:
        problems = "; ".join(_problem(dict(item)) for item in error.errors())
        raise UserError(f"{where}: {problems}") from error


def _problem(item: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if item["type"] == "missing":
        return f"{key}: missing key"
    if item["type"] == "value_error":  # raised by one of our validators, in our own words
        return ": ".join(filter(None, (key, str(item["ctx"]["error"]))))
    return f"{key}: {item['msg']}, got {item['input']!r}"
