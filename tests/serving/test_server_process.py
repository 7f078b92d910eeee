"""The server's life: what it waits for, and how it ends."""

import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import pytest
import tensorflow as tf
from rest_client import send
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tiny_separator import save_model

from serving.client import SeparationClient
from serving.server.config_source import SingleModel
from serving.server.process import serve_until
from serving.server.settings import ServerSettings

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(scope="module")
def blocking_folder(tmp_path_factory):
    """A model whose answer waits until the file exists that the request names."""
    spec = tf.TensorSpec([None], tf.string, "path")

    @tf.function(input_signature=[spec])
    def wait_for_file(path):
        busy = tf.ones([128, 128])
        while tf.size(tf.io.matching_files(path)) == 0:
            busy = tf.linalg.matmul(busy, busy) / 128
        return {"busy": busy[:1, 0]}

    folder = tmp_path_factory.mktemp("blocking")
    tf.saved_model.save(tf.Module(), str(folder / "1"), {"serving_default": wait_for_file})
    return folder


@dataclass(frozen=True)
class Running:
    """A server in a separate process: the process, a stub, and its other addresses."""

    process: subprocess.Popen
    stub: PredictionServiceStub
    metrics: str
    rest: str


@contextmanager
def serving(folder, *options):
    """Start the command."""
    ports = ["--port", "0", "--metrics-port", "0", "--rest-port", "0"]
    command = [sys.executable, "-m", "serving", "serve", "--model", folder, *ports, *options]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        try:
            metrics, models, address = (process.stdout.readline().split()[-1] for _ in range(3))
            with grpc.insecure_channel(address) as channel:
                rest = models.split("/")[2]
                yield Running(process, PredictionServiceStub(channel), metrics, rest)
        finally:
            process.kill()


def start(stub, path, timeout=60):
    """Start a prediction that waits for a file."""
    request = PredictRequest()
    request.model_spec.name = "separator"
    request.inputs["path"].CopyFrom(tf.make_tensor_proto([str(path)]))
    return stub.Predict.future(request, timeout=timeout)


def wait_for(metrics, running, waiting):
    """Wait until so many predictions run and wait."""
    wanted = {
        f"serving_predictions_running {running}.0",
        f"serving_predictions_waiting {waiting}.0",
    }
    while not wanted <= set(
        urllib.request.urlopen(metrics, timeout=20).read().decode().split("\n")
    ):
        time.sleep(0.05)


def test_sigterm_finishes_what_runs_and_refuses_what_waits(blocking_folder, tmp_path):
    path, grace = tmp_path / "finish", 30
    options = ("--workers", 6, "--queue", 62, "--grace", grace)
    with serving(blocking_folder, *options) as server, ThreadPoolExecutor(2) as threads:
        calls = [start(server.stub, path) for _ in range(66)]
        wait_for(server.metrics, running=6, waiting=60)
        body = {"instances": [str(path)]}
        posted = [
            threads.submit(send, server.rest, "POST", "/v1/models/separator:predict", body)
            for _ in range(2)
        ]
        wait_for(server.metrics, running=6, waiting=62)
        end = time.monotonic() + grace + 2
        server.process.send_signal(signal.SIGTERM)
        assert [answer.result(20)[0] for answer in posted] == [503, 503]
        while sum(call.done() for call in calls) < 60:
            time.sleep(0.05)
        running = [call for call in calls if not call.done()]
        assert len(running) == 6
        refused = [call.exception().code() for call in calls if call.done()]
        assert refused == [UNAVAILABLE] * 60
        path.touch()
        assert [list(call.result().outputs["busy"].float_val) for call in running] == [[1]] * 6
        assert server.process.wait(timeout=end - time.monotonic()) == 0


def test_what_outlasts_the_grace_is_cut_off(blocking_folder, tmp_path):
    path = tmp_path / "never"
    with serving(blocking_folder, "--workers", 1, "--queue", 1, "--grace", 0.5) as server:
        call = start(server.stub, path)
        wait_for(server.metrics, running=1, waiting=0)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
        assert call.exception().code() in (UNAVAILABLE, grpc.StatusCode.CANCELLED)


def test_rest_and_grpc_share_the_bounds_on_predictions(blocking_folder, tmp_path):
    path = tmp_path / "finish"
    with serving(blocking_folder, "--workers", 1, "--queue", 0) as server:
        call = start(server.stub, path)
        wait_for(server.metrics, running=1, waiting=0)
        url = "/v1/models/separator"
        body = {"instances": [str(path)]}
        code, answer = send(server.rest, "POST", f"{url}:predict", body)
        assert (code, answer["error"][:12]) == (429, "predictions:")
        assert send(server.rest, "GET", url)[0] == 200
        path.touch()
        assert call.result().outputs["busy"].float_val == [1]
        assert send(server.rest, "POST", f"{url}:predict", body) == (200, {"predictions": [1.0]})


@contextmanager
def serving_here(folder, **settings):
    """Serve in this process, and give the queue of what is reported."""
    lines, stop = queue.Queue(), threading.Event()
    chosen = ServerSettings(**{"port": 0, "poll_seconds": 0.05, **settings})
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(serve_until, stop, SingleModel("separator", folder), chosen, lines.put)
        try:
            yield lines
        finally:
            stop.set()
        done.result(timeout=30)


def test_an_empty_folder_is_waited_for(tmp_path, video):
    folder = tmp_path / "models"
    folder.mkdir()
    save_model(tmp_path / "1", control=False)
    with serving_here(folder) as lines:
        waiting = rf"waiting at (.+) for a version of separator in {folder}"
        address = re.fullmatch(waiting, lines.get(timeout=60))[1]
        (tmp_path / "1").rename(folder / "1")
        assert lines.get(timeout=60) == f"serving separator version 1 at {address}"
        with SeparationClient(address) as client:
            assert client.separate(video)["outputs"].shape == (2, *video.shape)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_served(blocking_folder):
    with serving_here(blocking_folder, host="::1") as lines:
        line = lines.get(timeout=60)
        address = re.fullmatch(r"serving separator version 1 at (\[::1\]:\d+)", line)[1]
        with SeparationClient(address) as client:
            assert client.ready()
