"""A stand-in for TensorFlow Serving that follows `models.config` by its rules for labels.

It reads the file again every few hundredths of a second. It takes no change at all if a label
points to a version that is not available; otherwise the labels change before any version is loaded
or unloaded.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.versions import State
from serving.wire import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
)

MODEL = "separator"
POLL_SECONDS = 0.02


class LabeledServer:
    """One server.

    Attributes:
        address: HOST:PORT.
        states: version -> its state, for every version that was ever loaded.
        labels: label -> version.
        wanted: versions that it was last told to load.
        refused: configurations that it did not take.
        load_seconds: how long it takes to load a version.
    """

    def __init__(self, config: Path, *, load_seconds=0.05, broken=(), moves_labels=True):
        self.states, self.labels, self.refused = {}, {}, []
        self._config, self.load_seconds, self._broken = config, load_seconds, broken
        self._moves_labels, self.wanted = moves_labels, set()
        self._stop = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers(
            (
                _service("ModelService", GetModelStatus=(self._status, GetModelStatusRequest)),
                _service(
                    "PredictionService",
                    GetModelMetadata=(self._metadata, GetModelMetadataRequest),
                ),
            )
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self):
        # At the start, labels may come with the versions that they point to.
        model = self._read()
        self.wanted = set(model.model_version_policy.specific.versions)
        for version in self.wanted:
            self._load(version)
        self.labels = dict(model.version_labels)
        self._server.start()
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()
        self._server.stop(None).wait()

    def available(self):
        return {version for version, state in self.states.items() if state is State.AVAILABLE}

    def _read(self):
        (model,) = text_format.Parse(
            self._config.read_text(), ModelServerConfig()
        ).model_config_list.config
        return model

    def _follow(self):
        while not self._stop.wait(POLL_SECONDS):
            model = self._read()
            labels = dict(model.version_labels)
            if not self.available().issuperset(labels.values()):
                self.refused.append(model)
                continue
            if self._moves_labels:
                self.labels = labels
            wanted = set(model.model_version_policy.specific.versions)
            for version in sorted(wanted - self.wanted):
                self._load(version)
            for version in self.wanted - wanted:
                self.states[version] = State.END
            self.wanted = wanted

    def _load(self, version):
        self.states[version] = State.LOADING
        self._stop.wait(self.load_seconds)
        self.states[version] = State.END if version in self._broken else State.AVAILABLE

    def _status(self, request, context):
        response = GetModelStatusResponse()
        for version, state in self.states.items():
            status = response.model_version_status.add(version=version, state=state)
            if version in self._broken and state is State.END:
                status.status.error_code, status.status.error_message = 15, "no\nsuch file"
        return response

    def _metadata(self, request, context):
        version = self.labels.get(request.model_spec.version_label)
        if self.states.get(version) is not State.AVAILABLE:
            context.abort(grpc.StatusCode.NOT_FOUND, "Unrecognized servable version label")
        response = GetModelMetadataResponse()
        response.model_spec.version.value = version
        return response


def _service(name, **methods):
    handlers = {
        method: grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        for method, (answer, request) in methods.items()
    }
    return grpc.method_handlers_generic_handler(f"tensorflow.serving.{name}", handlers)
