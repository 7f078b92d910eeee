"""Errors between a client and a server."""

from data_prep.errors import UserError


class ServingError(UserError):
    """A server that does not answer, or not as requested; the message is one line."""


class UnreachableError(ServingError):
    """A server that does not answer.

    Attributes:
        address: HOST:PORT.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"no server answers at {address}: {reason}")
        self.address = address


class RefusedError(ServingError):
    """A request that does not fit the served model."""


class NotServedError(RefusedError):
    """A request for a model, or a version of it, that the server does not serve."""


class AccessError(ServingError):
    """A server that does not accept the client's token."""


class UnknownMethodError(ServingError):
    """A method that the server does not have."""
