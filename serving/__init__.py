"""A gRPC client of served models, and an embedded server for one machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.client import SeparationClient

__all__ = ["SeparationClient"]


def __getattr__(name: str) -> Any:
    """Return the client, which loads gRPC only if it is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from serving.client import SeparationClient

    return SeparationClient
