"""A gRPC channel to a server of models; loads nothing heavy."""

import grpc

from serving.errors import ServingError

# Videos are larger than gRPC's default of 4 MB. A server that is only now starting is looked for
# every second, where gRPC's own pauses grow to two minutes.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def open_channel(address: str) -> grpc.Channel:
    """Make a channel, which connects when it is used.

    Args:
        address: HOST:PORT.

    Raises:
        ServingError: the address has another form.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ServingError(f"server: expected HOST:PORT, received {address}")
    return grpc.insecure_channel(address, options=_OPTIONS)


def answers(address: str, *, seconds: float) -> bool:
    """Whether a gRPC server answers at the address within so many seconds.

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
    """Raise ServingError unless a gRPC server answers at the address within so many seconds."""
    if not answers(address, seconds=seconds):
        raise ServingError(f"no server answers at {address}: no connection within {seconds:g} s")
