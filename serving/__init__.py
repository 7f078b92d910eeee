"""gRPC clients of served models, and an embedded server for one machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.access import Access, read_access
    from serving.async_client import AsyncSeparationClient
    from serving.client import SeparationClient
    from serving.errors import ServingError

__all__ = ["Access", "AsyncSeparationClient", "SeparationClient", "ServingError", "read_access"]


def __getattr__(name: str) -> Any:
    """Return a name of the client, which loads gRPC only if it is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from serving.access import Access, read_access
    from serving.async_client import AsyncSeparationClient
    from serving.client import SeparationClient
    from serving.errors import ServingError

    exported = (Access, AsyncSeparationClient, SeparationClient, ServingError, read_access)
    return {item.__name__: item for item in exported}[name]
