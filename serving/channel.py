"""gRPC channels to a model server; loads nothing heavy."""

import ipaddress
import json
import re

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

# Predictions change nothing, so they may be repeated. A server that restarts or moves to another
# machine answers UNAVAILABLE, and one whose queue is full RESOURCE_EXHAUSTED or UNAVAILABLE. gRPC
# makes five attempts at most, here within about three seconds and the call's deadline, and repeats
# only what fits into the buffer.
_RETRY_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
}
_SERVICE = {"service": "tensorflow.serving.PredictionService"}
_RETRIES = (
    (
        "grpc.service_config",
        json.dumps({"methodConfig": [{"name": [_SERVICE], "retryPolicy": _RETRY_POLICY}]}),
    ),
    ("grpc.per_rpc_retry_buffer_size", 1 << 30),
)
_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:.%\w]+\]):(?P<port>\d{1,5})", re.ASCII)


def open_channel(address: str, *, retries: bool = False) -> grpc.Channel:
    """Open a channel, which connects when it is first used.

    This machine is never reached through a proxy. Other servers are, if `http_proxy` is set, unless
    `no_proxy` names them.

    Args:
        address: HOST:PORT; an IPv6 address stands in brackets.
        retries: whether predictions are repeated, with growing pauses, if the server is unavailable
            or overloaded.

    Raises:
        ServingError: the address has another form.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts["port"]) < 65536:
        raise ServingError(f"server: must be HOST:PORT, got {address}")
    uses_proxy = ("grpc.enable_http_proxy", int(not _is_loopback(parts["host"])))
    options = (*_OPTIONS, *(_RETRIES if retries else ()), uses_proxy)
    return grpc.insecure_channel(address, options=options)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


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
