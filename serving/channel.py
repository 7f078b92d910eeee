"""gRPC channels to a model server; loads nothing heavy."""

import grpc

from serving.errors import ServingError

# Videos exceed gRPC's default limit of 4 MB. A server that is just starting is retried every
# second, because gRPC's own pauses grow to two minutes.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def open_channel(address: str) -> grpc.Channel:
    """Open a channel, which connects when it is first used.

    Args:
        address: HOST:PORT.

    Raises:
        ServingError: the address has another form.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ServingError(f"server: must be HOST:PORT, got {address}")
    return grpc.insecure_channel(address, options=_OPTIONS)


def answers(address: str, *, seconds: float) -> bool:
    """Return whether a gRPC server answers within a number of seconds.

    Raises:
        ServingError: the address is not of the form HOST:PORT.
    """
    with open_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=seconds)
        except grpc.FutureTimeoutError:
            return False
    return True


def require_server(address: str, *, seconds: float) -> None:
    """Raise ServingError unless a gRPC server answers within a number of seconds."""
    if not answers(address, seconds=seconds):
        raise ServingError(f"no server answers at {address}: no connection within {seconds:g} s")
