"""What operators and their tools ask the server: health, reflection and metrics."""

import queue
import re
import shutil
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tiny_separator import save_model

from data_prep.errors import UserError
from serving.client import SeparationClient
from serving.errors import ServingError
from serving.server.admission import Admission
from serving.server.batcher import Batcher
from serving.server.config_source import SingleModel
from serving.server.metrics import CallMetrics
from serving.server.process import serve_until
from serving.server.rest.api import RestApi
from serving.server.rest.http_server import RestServer
from serving.server.served_models import ServedModels
from serving.server.settings import ServerSettings

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


@contextmanager
def operated(folder, **settings):
    """Serve an empty folder; give the queue of reported lines, the address and the metrics' URL."""
    lines, stop = queue.Queue(), threading.Event()
    chosen = ServerSettings(port=0, metrics_port=0, poll_seconds=0.05, **settings)
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(serve_until, stop, SingleModel("separator", folder), chosen, lines.put)
        try:
            metrics = re.fullmatch(r"metrics at (http://\S+)", lines.get(timeout=60))[1]
            address = re.match(r"waiting at (\S+) for", lines.get(timeout=60))[1]
            yield lines, address, metrics
        finally:
            stop.set()
        done.result(timeout=30)


def test_health_reflection_and_metrics(video, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    save_model(tmp_path / "1", control=False)
    with (
        operated(folder) as (lines, address, metrics),
        grpc.insecure_channel(address) as channel,
        SeparationClient(address) as client,
    ):
        assert health(channel) == NOT_SERVING
        (tmp_path / "1").rename(folder / "1")
        assert lines.get(timeout=60) == f"serving separator version 1 at {address}"
        for service in ("", "tensorflow.serving.PredictionService"):
            assert health(channel, service) == SERVING
        with pytest.raises(grpc.RpcError) as caught:
            health(channel, "other")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND

        assert listed(channel) >= {"tensorflow.serving.PredictionService", "grpc.health.v1.Health"}
        assert "Predict" in described(channel, "tensorflow.serving.PredictionService")
        assert "GetModelStatus" in described(channel, "tensorflow.serving.ModelService")

        assert client.separate(video)
        with pytest.raises(ServingError):
            client.separate(video, outputs=["masks"])  # which cannot be computed
        found = samples(metrics)
        predict = ("Predict", "tensorflow.serving.PredictionService")
        assert found["grpc_server_handled_total", "OK", *predict] == 1
        assert found["grpc_server_handled_total", "INVALID_ARGUMENT", *predict] == 1
        assert found["grpc_server_handling_seconds_count", *predict] == 2
        assert found["serving_predictions_running",] == 0
        assert found["serving_predictions_waiting",] == 0

        shutil.rmtree(folder / "1")
        assert lines.get(timeout=60) == "separator version 1: end"
        assert health(channel) == NOT_SERVING


def test_idle_calls_and_streams_keep_neither_probes_nor_the_end_waiting(tmp_path):
    check, watch = (f"/grpc.health.v1.Health/{name}" for name in ("Check", "Watch"))
    end = threading.Event()

    def nothing():
        end.wait(60)
        yield from ()

    with (
        ExitStack() as channels,  # which are open until the server has ended
        operated(tmp_path, workers=1, queue=0, grace=45) as (_, address, _),
    ):
        idle, channel = (channels.enter_context(grpc.insecure_channel(address)) for _ in range(2))
        watched = HealthStub(channel).Watch(HealthCheckRequest())
        assert next(watched).status == NOT_SERVING
        for method in (check, watch):
            calls = [idle.stream_unary(method).future(nothing()) for _ in range(100)]
            while sum(call.done() for call in calls) < 50:
                time.sleep(0.01)
        with pytest.raises(grpc.RpcError) as caught:
            PredictionServiceStub(channel).Predict(PredictRequest(), timeout=20)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    end.set()


def test_refused_tokens_are_counted(tmp_path):
    (tmp_path / "token").write_text("s3cret")
    (tmp_path / "models").mkdir()
    with (
        operated(tmp_path / "models", token_file=tmp_path / "token") as (_, address, metrics),
        grpc.insecure_channel(address) as channel,
    ):
        for method in ("ModelService/GetModelStatus", "ModelService/Other"):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(f"/tensorflow.serving.{method}")(b"", timeout=20)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        handled = {
            key: n for key, n in samples(metrics).items() if key[0].endswith("handled_total")
        }
    status = ("UNAUTHENTICATED", "GetModelStatus", "tensorflow.serving.ModelService")
    assert handled == {("grpc_server_handled_total", *status): 1}


def bounds():
    admission = Admission(1, 1, join=1, largest=1)
    return admission, CallMetrics(admission, Batcher(1, 1))


def test_a_port_of_metrics_in_use_is_named():
    metrics = bounds()[1]
    port = metrics.listen("127.0.0.1", 0)
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port}: cannot listen for metrics: Addr"):
        metrics.listen("127.0.0.1", port)


def test_a_port_of_rest_in_use_is_named():
    rest = RestServer(RestApi(ServedModels(str)), *bounds(), ServerSettings(port=0))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port}: cannot listen for REST: "):
            rest.start(port)


def health(channel, service=""):
    return HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=20).status


def samples(url):
    text = urllib.request.urlopen(url, timeout=20).read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def reflect(channel, request):
    [response] = ServerReflectionStub(channel).ServerReflectionInfo(iter([request]), timeout=20)
    return response


def listed(channel):
    response = reflect(channel, ServerReflectionRequest(list_services=""))
    return {service.name for service in response.list_services_response.service}


def described(channel, symbol):
    """Return the methods of a service, from its descriptor."""
    response = reflect(channel, ServerReflectionRequest(file_containing_symbol=symbol))
    files = response.file_descriptor_response.file_descriptor_proto
    services = (s for file in files for s in FileDescriptorProto.FromString(file).service)
    return {method.name for service in services for method in service.method}
