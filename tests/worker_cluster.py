"""Processes on this machine that train together, as Vertex AI describes them."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

BOUND = 120
"""Seconds after which a worker has ended whose peer died."""


@contextmanager
def reserved_addresses(count: int) -> Iterator[list[str]]:
    """Give addresses that nobody else gets, and that may be listened on by who reuses ports."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind(("127.0.0.1", 0))
        yield [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def environments(addresses: list[str]) -> list[dict[str, str]]:
    """Return the environments of a chief and its workers."""
    cluster = {"chief": addresses[:1], "worker": addresses[1:]}
    tasks = [("chief", 0), *(("worker", index) for index in range(len(addresses) - 1))]
    described = [
        {"cluster": cluster, "environment": "cloud", "task": {"type": role, "index": index}}
        for role, index in tasks
    ]
    return [{"TF_CONFIG": json.dumps(each), "TF_GRPC_REUSE_PORT": "1"} for each in described]
