"""The embedded server, in a process of its own, and the client against it."""

import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    ModelVersionStatus,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tiny_separator import CLIP, save_model

from data_prep.errors import UserError
from serving.channel import open_channel, require_server
from serving.client import Client
from serving.errors import ServingError
from serving.server import serve

LOUD = np.full(CLIP.samples, 0.75, np.float32)


@pytest.fixture
def control(control_server):
    with Client(control_server) as client:
        yield client


@pytest.fixture
def plain(plain_server):
    with Client(plain_server.address) as client:
        yield client


@pytest.fixture
def channel(control_server):
    with open_channel(control_server) as channel:
        yield channel


def code_of(method, request):
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=20)
    return caught.value.code()


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_video_goes_there_and_back_exactly(plain, video):
    given = plain.separate(video)
    assert given.keys() == {"outputs"}
    np.testing.assert_array_equal(given["outputs"], np.stack([video, 255 - video]))
    assert given["outputs"].dtype == np.uint8


def test_a_batch_keeps_its_axis(control, video):
    batch = np.stack([video, 255 - video, video])
    sounds = np.stack([LOUD, 0 * LOUD, LOUD])
    given = control.separate(batch, sounds)
    assert given.keys() == {"outputs", "scores", "chosen"}
    np.testing.assert_array_equal(given["outputs"], np.stack([batch, 255 - batch], axis=1))
    assert given["chosen"].tolist() == [0, 1, 0]
    np.testing.assert_allclose(given["scores"], [[0.25, 0.75], [1, 0], [0.25, 0.75]])


def test_only_the_outputs_asked_for_are_computed_and_sent(control, video):
    assert control.separate(video, LOUD, outputs=["scores"]).keys() == {"scores"}
    with pytest.raises(ServingError, match="INVALID_ARGUMENT"):
        control.separate(video, LOUD, outputs=["masks"])


def test_a_message_larger_than_grpcs_default_passes(plain):
    batch = np.zeros((2000, CLIP.frames, CLIP.height, CLIP.width, 3), np.uint8)
    assert batch.nbytes > 2 * 4 * 2**20
    assert plain.separate(batch)["outputs"].shape == (2000, 2, *batch.shape[1:])


def test_the_clip_is_told_and_whether_there_is_control(control, plain):
    assert control.clip() == CLIP
    assert control.has_control()
    assert not plain.has_control()


def test_the_metadata_has_the_signatures(control):
    signatures = control.metadata()
    assert signatures.keys() == {"serving_default", "clip"}
    default = signatures["serving_default"]
    assert str(default.inputs["video"]) == "uint8 [?, 4, 16, 24, 3]"
    assert str(default.inputs["sound"]) == "float32 [?, 4000]"
    assert default.outputs.keys() == {"outputs", "masks", "scores", "chosen"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v[:3], r"uint8 \[\?, 4, 16, 24, 3\], received uint8 \[1, 3, 16, 24, 3\]"),
        (lambda v: v / 255, r"uint8 \[\?, 4, 16, 24, 3\], received float64 \[1, 4, 16, 24, 3\]"),
        (lambda v: v[0], r"received uint8 \[16, 24, 3\]"),
    ],
)
def test_a_video_of_the_wrong_shape_or_type_is_told_from_what_is_expected(
    plain, video, change, words
):
    with pytest.raises(ServingError, match=words):
        plain.separate(change(video))


def test_a_sound_is_needed_with_control_and_not_known_without(control, plain, video):
    with pytest.raises(ServingError, match=r"missing: \{sound\}"):
        control.separate(video)
    with pytest.raises(ServingError, match=r"not known: \{sound\}"):
        plain.separate(video, LOUD)
    with pytest.raises(ServingError, match=r"one batch size.*sound \[2, 4000\], video \[1"):
        control.separate(video[np.newaxis], np.stack([LOUD, LOUD]))


def test_predictions_run_side_by_side(plain):
    videos = np.random.default_rng(1).integers(
        0, 256, (16, CLIP.frames, CLIP.height, CLIP.width, 3), np.uint8
    )
    with ThreadPoolExecutor(8) as pool:
        for video, given in zip(videos, pool.map(plain.separate, videos), strict=True):
            np.testing.assert_array_equal(given["outputs"][0], video)


def predict_request(name="separator", **spec):
    request = PredictRequest(model_spec=ModelSpec(name=name, **spec))
    shape = (1, CLIP.frames, CLIP.height, CLIP.width, 3)
    request.inputs["video"].CopyFrom(tf.make_tensor_proto(np.zeros(shape, np.uint8)))
    request.inputs["sound"].CopyFrom(tf.make_tensor_proto(LOUD[np.newaxis]))
    request.output_filter.append("outputs")
    return request


def test_the_answer_says_which_version_and_signature_gave_it(channel):
    predict = PredictionServiceStub(channel).Predict
    response = predict(predict_request(signature_name="serving_default"), timeout=20)
    assert response.model_spec.name == "separator"
    assert response.model_spec.version.value == 3
    assert response.model_spec.signature_name == "serving_default"
    asked = predict(predict_request(version={"value": 3}), timeout=20)
    assert asked.model_spec.version.value == 3


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"name": ""}, "INVALID_ARGUMENT"),
        ({"name": "other"}, "NOT_FOUND"),
        ({"version": {"value": 2}}, "NOT_FOUND"),
        ({"version_label": "stable"}, "INVALID_ARGUMENT"),
        ({"signature_name": "none"}, "FAILED_PRECONDITION"),
        ({"signature_name": "clip"}, "INVALID_ARGUMENT"),
    ],
)
def test_predict_refuses_with_tensorflow_servings_codes(channel, spec, code):
    predict = PredictionServiceStub(channel).Predict
    assert code_of(predict, predict_request(**spec)) is grpc.StatusCode[code]


def test_the_other_methods_refuse_with_tensorflow_servings_codes(channel):
    predictions, models = PredictionServiceStub(channel), ModelServiceStub(channel)
    found = ModelSpec(name="separator")
    for spec, field, code in (
        (ModelSpec(name="other"), ["signature_def"], "NOT_FOUND"),
        (found, [], "INVALID_ARGUMENT"),
        (found, ["other"], "INVALID_ARGUMENT"),
    ):
        request = GetModelMetadataRequest(model_spec=spec, metadata_field=field)
        assert code_of(predictions.GetModelMetadata, request) is grpc.StatusCode[code]
    for spec in (ModelSpec(name="other"), ModelSpec(name="separator", version={"value": 2})):
        request = GetModelStatusRequest(model_spec=spec)
        assert code_of(models.GetModelStatus, request) is grpc.StatusCode.NOT_FOUND
    request = ClassificationRequest(model_spec=found)
    assert code_of(predictions.Classify, request) is grpc.StatusCode.UNIMPLEMENTED


def states(address):
    with open_channel(address) as channel:
        request = GetModelStatusRequest(model_spec=ModelSpec(name="separator"))
        response = ModelServiceStub(channel).GetModelStatus(request, timeout=20)
    return {
        status.version: (ModelVersionStatus.State.Name(status.state), status.status.error_message)
        for status in response.model_version_status
    }


def copy_version(source, target):
    """Copy a version as a person may, file by file under its final name."""
    target.mkdir()
    for name in ("saved_model.pb", "fingerprint.pb", "variables"):
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, target / name)
        time.sleep(0.25)


def test_versions_come_and_go_without_a_restart(plain_server, plain, video, tmp_path):
    folder = plain_server.folder

    def second_output():
        return plain.separate(video)["outputs"][1]

    save_model(tmp_path / "new", control=False, offset=100)
    copy_version(tmp_path / "new", folder / "10")
    plain_server.wait_for("serving separator version 10 at")
    np.testing.assert_array_equal(second_output(), (100 - video.astype(int)) % 256)
    assert states(plain_server.address)[10] == ("AVAILABLE", "")
    assert states(plain_server.address)[3] == ("END", "")

    (folder / "11").mkdir()
    (folder / "11" / "saved_model.pb").write_bytes(b"not a model")
    plain_server.wait_for("version 11 cannot be loaded")
    state, error = states(plain_server.address)[11]
    assert state == "END"
    assert "saved_model.pb" in error
    assert plain.ready()
    np.testing.assert_array_equal(second_output(), (100 - video.astype(int)) % 256)

    shutil.rmtree(folder / "10")
    plain_server.wait_for("serving separator version 3 at")
    np.testing.assert_array_equal(second_output(), 255 - video)


def test_readiness(control_server, control):
    assert control.ready()
    control.wait_ready(1)
    with Client(control_server, "other") as other:
        assert not other.ready()
        with pytest.raises(ServingError, match=r"not ready within 0\.5 s: other at .*NOT_FOUND"):
            other.wait_ready(0.5)


def test_an_unknown_model_is_named(control_server, video):
    with (
        Client(control_server, "other") as client,
        pytest.raises(ServingError, match=r"other at 127.*: NOT_FOUND: .*Latest\(other\)"),
    ):
        client.separate(video)


def test_a_server_that_is_not_there_is_named(video):
    address = f"127.0.0.1:{closed_port()}"
    with Client(address) as client:
        assert not client.ready()
        with pytest.raises(ServingError, match=f"no server answers at {address}") as caught:
            client.separate(video)
    assert "\n" not in str(caught.value)
    with pytest.raises(ServingError, match=f"no server answers at {address}: no connection"):
        require_server(address, seconds=0.2)


def test_an_answer_is_waited_for_no_longer_than_the_timeout(video):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with (
            Client(address, timeout=0.3) as client,
            pytest.raises(ServingError, match=r"no answer within 0\.3 s"),
        ):
            client.separate(video)


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":8500", "host:http", "h:70000"])
def test_an_address_needs_a_host_and_a_port(address):
    with pytest.raises(ServingError, match=f"expected HOST:PORT, received {address}"):
        Client(address)


def serve_here(folder, port):
    serve(
        folder,
        name="separator",
        host="127.0.0.1",
        port=port,
        poll_seconds=1,
        workers=1,
        report=lambda line: None,
    )


def test_a_port_that_is_taken_is_named(plain_server):
    port = int(plain_server.address.rpartition(":")[2])
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port}: cannot listen there"):
        serve_here(plain_server.folder, port)


def test_a_folder_whose_only_version_is_broken_is_named(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(UserError, match=f"{tmp_path}: no version can be loaded: version 1: "):
        serve_here(tmp_path, 0)


def test_what_is_wrong_on_the_command_line_is_told_on_one_line_without_tensorflow(tmp_path):
    for arguments, code, words in (
        (("serve", "--model", tmp_path / "none", "--port", 0), 1, "not a folder that can be read"),
        (("serve", "--model", tmp_path, "--port", 0), 1, "holds no version"),
        (("serve", "--model", tmp_path, "--port", 99999), 2, "99999"),
        (("serve", "--port", 0), 2, "--model"),
    ):
        command = [sys.executable, "-X", "importtime", "-m", "serving", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (code, "")
        lines = done.stderr.splitlines()
        modules = {line.rpartition("|")[2].strip() for line in lines if "import time:" in line}
        assert "click" in modules
        assert "tensorflow" not in modules
        [error] = (line for line in lines if "import time:" not in line)
        assert error.startswith("error: ")
        assert words in error
