"""Lookup in a registry by name."""

from collections.abc import Mapping
from typing import TypeVar

from data_prep.errors import UserError

Item = TypeVar("Item")


def lookup(registry: Mapping[str, Item], name: str, what: str) -> Item:
    """Return the item of a registry that has a name.

    Args:
        registry: items by name, in the order in which a message lists them.
        name: the name that a user gave.
        what: what the items are; the message begins with it.

    Raises:
        UserError: there is no such item; the message lists those there are.
    """
    if name not in registry:
        raise UserError(f"{what}: must be one of {', '.join(registry)}, got {name!r}")
    return registry[name]
