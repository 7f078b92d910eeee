"""Requests to an exported model as TensorFlow Serving passes them on: unchecked."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, PRESET, build, fill
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataResponse, SignatureDefMap
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    PredictionServiceServicer,
    add_PredictionServiceServicer_to_server,
)

from models.export.saved_model import export
from models.systems import get_system
from models.tasks.classifier import Classifier
from serving.client import SeparationClient
from serving.errors import ServingError

pytestmark = pytest.mark.slow  # exports models and starts another TensorFlow process

VIDEO = (CLIP.frames, CLIP.height, CLIP.width, 3)
AUDIO = (CLIP.samples,)
PROBE = Path(__file__).with_name("request_probe.py")


@pytest.fixture(scope="module", params=["c2", "c3_internal", "i3d"])
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "1"
    system = get_system(request.param)
    if request.param == "i3d":
        network = system.build(CLIP, PRESET, classes=3)
        fill(network, 0)
        model = Classifier(network, system, PRESET, ["a", "b", "c"])
    else:
        model = build(request.param)
    export(model, CLIP, str(folder))
    return system, folder


def test_requests_of_another_shape_are_errors_and_end_nothing(exported):
    """Without a check in the graph, some of them crash the process."""
    system, folder = exported
    videos = [VIDEO, (), (1,), (1, *VIDEO, 1), (1, 1, *VIDEO)]
    videos += [(1, 1, *VIDEO[1:]), (1, *VIDEO[:3], 4), (1, VIDEO[0], 1, 1, 3), (0,)]
    right = {"video": (1, *VIDEO)}
    requests = [{"video": shape} for shape in videos]
    if system.uses_audio:
        right["audio"] = (1, *AUDIO)
        audios = [AUDIO, (), (1,), (1, 0), (1, 1, *AUDIO), (1, AUDIO[0] - 1), (2, *AUDIO)]
        requests = [{**right, **request} for request in requests]
        requests += [{**right, "audio": shape} for shape in audios]
    signatures = ["serving_default", *(["score"] if system.control.extra_outputs else [])]
    calls = [(name, inputs) for name in signatures for inputs in [*requests, right]]
    calls += [("description", {"batch": ()}), ("description", {"batch": (1, 1)})]
    calls += [("evaluate", {"examples": ()}), ("evaluate", {"examples": (1, 1)})]
    words = [sys.executable, str(PROBE), str(folder), json.dumps(calls)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout)
    assert len(answers) == len(calls)
    for (name, inputs), answer in zip(calls, answers, strict=True):
        expected = "OK" if inputs == right else "InvalidArgumentError"
        assert answer == expected, (name, inputs)


def warm_up_requests(folder):
    """Return the requests that TensorFlow Serving replays."""
    records = tf.data.TFRecordDataset(str(folder / "assets.extra" / "tf_serving_warmup_requests"))
    return [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in records.as_numpy_iterator()
    ]


def test_each_signature_that_clients_call_is_warmed_up(exported):
    system, folder = exported
    loaded = tf.saved_model.load(str(folder))
    filters = {}
    for request in warm_up_requests(folder):
        name = request.model_spec.signature_name
        inputs = {key: tf.constant(tf.make_ndarray(t)) for key, t in request.inputs.items()}
        outputs = loaded.signatures[name](**inputs)
        filters[name] = list(request.output_filter)
        assert outputs.keys() >= {*filters[name]}
    expected = {"serving_default": [], "description": []}
    if system.task.separates_layers:
        extra = [name for name in ("scores", "chosen") if name in system.control.extra_outputs]
        expected["serving_default"] = ["outputs", *extra]
    if system.uses_audio:
        expected["score"] = []
    assert filters == expected


class Recorder(PredictionServiceServicer):
    """A server that knows a model's signatures, and remembers what it is asked for."""

    def __init__(self, folder):
        model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        self._signatures = SignatureDefMap(signature_def=model.meta_graphs[0].signature_def)
        self.asked = []

    def GetModelMetadata(self, request, context):  # noqa: N802, the name in the .proto
        response = GetModelMetadataResponse()
        response.model_spec.version.value = 1
        response.metadata["signature_def"].Pack(self._signatures)
        return response

    def Predict(self, request, context):  # noqa: N802
        self.asked.append((request.model_spec.signature_name, list(request.output_filter)))
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "only recorded")


@pytest.mark.parametrize("exported", ["c2", "c3_internal"], indirect=True)
def test_the_client_asks_for_what_was_warmed_up(exported):
    system, folder = exported
    recorder, server = Recorder(folder), grpc.server(ThreadPoolExecutor(2))
    add_PredictionServiceServicer_to_server(recorder, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    audio = np.zeros(AUDIO, np.float32) if system.uses_audio else None
    with (
        SeparationClient(f"127.0.0.1:{port}") as client,
        pytest.raises(ServingError, match="only recorded"),
    ):
        client.separate(np.zeros(VIDEO, np.uint8), audio)
    server.stop(None).wait()
    warmed = [
        (r.model_spec.signature_name, list(r.output_filter)) for r in warm_up_requests(folder)
    ]
    assert recorder.asked
    assert all(request in warmed for request in recorder.asked)
