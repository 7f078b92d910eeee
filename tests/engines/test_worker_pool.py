"""The worker pool: its port, its workers, what it says if one cannot start."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from clusters import environment
from servers import free_port

from data_prep.engines.worker_pool import worker_pool
from data_prep.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def said():
    return []


@pytest.fixture
def service(said):
    port = free_port()
    with (
        worker_pool("127.0.0.1", port, said.append),
        grpc.insecure_channel(f"127.0.0.1:{port}") as c,
    ):
        yield beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(c)


def request(**endpoints):
    named = {key: endpoints_pb2.ApiServiceDescriptor(url=url) for key, url in endpoints.items()}
    return beam_fn_api_pb2.StartWorkerRequest(worker_id="1-1", **named)


def test_a_worker_is_this_python_and_ends_with_the_pool(service, said):
    """Nobody listens at the control endpoint, so the worker waits."""
    answer = service.StartWorker(request(control_endpoint="127.0.0.1:1"))
    assert answer.error == ""
    pid = int(said[-1].rpartition(" ")[2])
    words = Path(f"/proc/{pid}/cmdline")
    assert words.read_text().split("\0")[0] == sys.executable
    service.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id="1-1"))
    assert not words.exists()


def test_an_engine_that_does_not_tell_the_options_is_an_error(service, said, monkeypatch):
    asked = request(control_endpoint="127.0.0.1:1", provision_endpoint="127.0.0.1:1")
    answer = service.StartWorker(asked)
    assert "Connection refused" in answer.error
    assert said[-1].startswith("worker 1-1: cannot start: ")


def test_a_second_pool_at_a_port_is_an_error(said):
    port = free_port()
    with (
        worker_pool("127.0.0.1", port, said.append),
        pytest.raises(UserError, match=f"--port: must be free .*, got 127.0.0.1:{port}"),
        worker_pool("127.0.0.1", port, said.append),
    ):
        pass


def test_the_command_listens_on_loopback_alone_and_ends_in_order():
    command = [sys.executable, "-m", "data_prep", "worker-pool", "--port", "0"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        assert line.startswith("worker pool at 127.0.0.1:")
        port = int(line.rpartition(":")[2])
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
