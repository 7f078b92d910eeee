"""The socket that the page's server listens on."""

import socket

from data_prep.errors import UserError
from serving.addresses import joined


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: a name or an address of this machine.
        port: the port, 0 for any free one.

    Raises:
        UserError: the port is not available.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UserError(
            f"{joined(host, port)}: cannot listen; the port must be free, and the address one of "
            f"this machine, got {error.strerror}"
        ) from error


def address_of(listener: socket.socket) -> str:
    """Return HOST:PORT of a socket; an IPv6 address stands in brackets."""
    host, port, *_ = listener.getsockname()
    return joined(host, port)
