"""gRPC channels to a model server; loads nothing heavy."""

import ipaddress
import json
import re
from typing import Any

import grpc
import grpc.aio

from serving.access import OPEN, Access
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


def open_channel(
    address: str, access: Access = OPEN, *, retries: bool = False, name: str | None = None
) -> grpc.Channel:
    """Open a channel, which connects when it is first used.

    This machine is never reached through a proxy. Other servers are, if `http_proxy` is set, unless
    `no_proxy` names them.

    Args:
        address: HOST:PORT; an IPv6 address stands in brackets.
        access: TLS of the channel. The token is not sent by it, but with each call.
        retries: whether predictions are repeated, with growing pauses, if the server is unavailable
            or overloaded.
        name: the name in the server's certificate, if it is not that of the address.

    Raises:
        ServingError: the address has another form.
    """
    return _open(grpc, address, access, retries, name)


def open_async_channel(
    address: str, access: Access = OPEN, *, retries: bool = False
) -> grpc.aio.Channel:
    """Open a channel of the running event loop; see `open_channel`."""
    return _open(grpc.aio, address, access, retries, None)


def require_address(address: str) -> None:
    """Raise ServingError unless an address is HOST:PORT."""
    _host(address)


def _open(api: Any, address: str, access: Access, retries: bool, name: str | None) -> Any:
    """Open a channel of `grpc` or `grpc.aio`, which take the same arguments."""
    uses_proxy = ("grpc.enable_http_proxy", int(not _is_loopback(_host(address))))
    options = (*_OPTIONS, *(_RETRIES if retries else ()), uses_proxy)
    credentials = access.credentials()
    if credentials is None:
        return api.insecure_channel(address, options=options)
    if name is not None:
        options = (*options, ("grpc.ssl_target_name_override", name))
    return api.secure_channel(address, credentials, options=options)


def _host(address: str) -> str:
    parts = _ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts["port"]) < 65536:
        raise ServingError(f"server: must be HOST:PORT, got {address}")
    return parts["host"]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
