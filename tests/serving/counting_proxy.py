"""A gRPC proxy that counts the calls to a server."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

from serving.channel import open_channel


class _Forward(grpc.GenericRpcHandler):
    """Forwards every call as bytes, and counts it by the name of its method."""

    def __init__(self, channel: grpc.Channel, calls: Counter) -> None:
        self.channel = channel
        self.calls = calls

    def service(self, details):
        method = self.channel.unary_unary(details.method)

        def forward(request, context):
            self.calls[details.method.rpartition("/")[2]] += 1
            try:
                return method(request, timeout=20)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return grpc.unary_unary_rpc_method_handler(forward)


@contextmanager
def counting_proxy(server: str) -> Iterator[tuple[str, Counter]]:
    """Give the address of a proxy to a server, and its counter of calls by method."""
    calls = Counter()
    with open_channel(server) as channel, ThreadPoolExecutor(8) as pool:
        proxy = grpc.server(pool, handlers=[_Forward(channel, calls)])
        port = proxy.add_insecure_port("127.0.0.1:0")
        proxy.start()
        try:
            yield f"127.0.0.1:{port}", calls
        finally:
            proxy.stop(None).wait()
