"""Channels to a model server: which addresses they take, and that proxies are left out."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from serving.channel import open_channel
from serving.errors import ServingError


@pytest.fixture
def port():
    """Run a gRPC server without methods on every loopback address, and give its port."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        port = server.add_insecure_port("localhost:0")
        server.start()
        yield port
        server.stop(None).wait()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_reached_through_a_proxy(host, port, monkeypatch):
    for name in ("grpc_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with open_channel(f"{host}:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=20)


@pytest.mark.parametrize(
    "address",
    [
        *("", "nowhere", "host", "host:", ":8500", "host:port", "host:0", "host:65536"),
        *("http://127.0.0.1:8500", "grpc://host:8500", "user@host:8500", "host:8500/model"),
        *("::1:8500", "[::1]", "[host]:8500:1", "a host:8500", "host:8_500", "höst:8500"),
    ],
)
def test_other_than_host_and_port_is_refused(address):
    with pytest.raises(ServingError, match=r"^server: must be HOST:PORT, got "):
        open_channel(address)


@pytest.mark.parametrize("address", ["host:1", "10.0.0.1:65535", "a-b.c_d:8500", "[::1]:8500"])
def test_host_and_port_are_taken(address):
    open_channel(address).close()
