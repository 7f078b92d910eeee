"""The client against the embedded server."""

import doctest
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from counting_proxy import counting_proxy
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
from serving.channel import open_channel
from serving.client import SeparationClient
from serving.description import ModelDescription
from serving.errors import ServingError
from serving.server.config_source import SingleModel
from serving.server.process import serve_until
from serving.server.settings import ServerSettings

LOUD = np.full(CLIP.samples, 0.75, np.float32)


@pytest.fixture
def control(control_server):
    with SeparationClient(control_server) as client:
        yield client


@pytest.fixture
def plain(plain_server):
    with SeparationClient(plain_server.address) as client:
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


def test_a_video_survives_the_round_trip(plain, video):
    answer = plain.separate(video)
    assert answer.keys() == {"outputs"}
    np.testing.assert_array_equal(answer["outputs"], np.stack([video, 255 - video]))
    assert answer["outputs"].dtype == np.uint8


def test_a_batch_keeps_its_axis(control, video):
    batch = np.stack([video, 255 - video, video])
    audio = np.stack([LOUD, 0 * LOUD, LOUD])
    answer = control.separate(batch, audio)
    assert answer.keys() == {"outputs", "scores", "chosen"}
    np.testing.assert_array_equal(answer["outputs"], np.stack([batch, 255 - batch], axis=1))
    assert answer["chosen"].tolist() == [0, 1, 0]
    np.testing.assert_allclose(answer["scores"], [[0.25, 0.75], [1, 0], [0.25, 0.75]])


def test_only_requested_outputs_are_computed_and_sent(control, video):
    assert control.separate(video, LOUD, outputs=["scores"]).keys() == {"scores"}
    with pytest.raises(ServingError, match="INVALID_ARGUMENT"):
        control.separate(video, LOUD, outputs=["masks"])


def test_a_message_larger_than_grpcs_default_passes(plain):
    batch = np.zeros((2000, CLIP.frames, CLIP.height, CLIP.width, 3), np.uint8)
    assert batch.nbytes > 2 * 4 * 2**20
    assert plain.separate(batch)["outputs"].shape == (2000, 2, *batch.shape[1:])


def test_the_description_tells_kind_control_and_clips(control, plain):
    assert plain.description() == ModelDescription(
        kind="separator", system="tiny", control="none", uses_audio=False, clip=CLIP
    )
    assert control.description().kind == "controlled-separator"
    assert control.description().control == "internal"
    assert control.has_control()
    assert not plain.has_control()


def test_the_example_of_the_client_runs(plain_server):
    example = SeparationClient.__doc__.replace("127.0.0.1:8500", plain_server.address)
    test = doctest.DocTestParser().get_doctest(
        example, {"SeparationClient": SeparationClient, "np": np}, "SeparationClient", None, None
    )
    results = doctest.DocTestRunner().run(test)
    assert (results.failed, results.attempted) == (0, 2)


def test_metadata_and_description_are_fetched_once(control_server, video):
    with counting_proxy(control_server) as (address, calls), SeparationClient(address) as client:
        for _ in range(3):
            assert client.has_control()
            assert client.description().clip == CLIP
            client.separate(video, LOUD)
        assert calls == {"GetModelMetadata": 1, "Predict": 1 + 3}


def test_metadata_is_fetched_again_only_after_another_version(serve_folder, video, tmp_path):
    folder = tmp_path / "models"
    save_model(folder / "3", control=False)
    save_model(tmp_path / "4", control=True, fps=16, frames=8)
    longer = np.concatenate([video, video])
    with (
        serve_folder(folder, poll_seconds=0.1) as server,
        counting_proxy(server) as (address, calls),
        SeparationClient(address) as client,
    ):
        with pytest.raises(ServingError, match=r"unknown: \{audio\}"):
            client.separate(video, LOUD)
        assert calls == {"GetModelMetadata": 2}  # refused, so the client looks for another version
        client.separate(video)
        assert not client.has_control()
        assert calls == {"GetModelMetadata": 2, "Predict": 2}

        (tmp_path / "4").rename(folder / "4")
        wait_for_version(server, 4)
        with pytest.raises(ServingError, match=r"missing: \{audio\}"):
            client.separate(video)  # fits the old version, and is refused by the new one
        assert client.separate(longer, LOUD)["chosen"] == 0
        assert client.has_control()
        assert client.description().clip == CLIP.model_copy(update={"fps": 16.0, "frames": 8})
        assert calls == {"GetModelMetadata": 3, "Predict": 5}


def test_a_version_with_the_same_signature_is_described_anew(serve_folder, video, tmp_path):
    folder = tmp_path / "models"
    save_model(folder / "3", control=False)
    save_model(tmp_path / "4", control=False, fps=16)
    with serve_folder(folder, poll_seconds=0.1) as server, SeparationClient(server) as client:
        assert client.description().clip.fps == 8
        (tmp_path / "4").rename(folder / "4")
        wait_for_version(server, 4)
        client.separate(video)  # the answer names the version
        assert client.description().clip.fps == 16


def wait_for_version(address, version):
    end = time.monotonic() + 30
    while states(address).get(version) != ("AVAILABLE", ""):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_signatures_are_fetched(control):
    signatures = control.signatures()
    assert signatures.keys() == {"serving_default", "description"}
    default = signatures["serving_default"]
    assert str(default.inputs["video"]) == "uint8 [?, 4, 16, 24, 3]"
    assert str(default.inputs["audio"]) == "float32 [?, 4000]"
    assert str(signatures["description"].outputs["kind"]) == "string [?]"
    assert default.outputs.keys() == {"outputs", "masks", "scores", "chosen"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v[:3], r"uint8 \[\?, 4, 16, 24, 3\], got uint8 \[1, 3, 16, 24, 3\]"),
        (lambda v: v / 255, r"uint8 \[\?, 4, 16, 24, 3\], got float64 \[1, 4, 16, 24, 3\]"),
        (lambda v: v[0], r"got uint8 \[16, 24, 3\]"),
    ],
)
def test_a_wrong_shape_or_dtype_is_an_error_that_names_both(plain, video, change, words):
    with pytest.raises(ServingError, match=words):
        plain.separate(change(video))


def test_audio_is_required_with_control_and_unknown_without(control, plain, video):
    with pytest.raises(ServingError, match=r"missing: \{audio\}"):
        control.separate(video)
    with pytest.raises(ServingError, match=r"unknown: \{audio\}"):
        plain.separate(video, LOUD)
    with pytest.raises(ServingError, match=r"one batch size.*audio \[2, 4000\], video \[1"):
        control.separate(video[np.newaxis], np.stack([LOUD, LOUD]))


def test_predictions_run_in_parallel(plain):
    videos = np.random.default_rng(1).integers(
        0, 256, (16, CLIP.frames, CLIP.height, CLIP.width, 3), np.uint8
    )
    with ThreadPoolExecutor(8) as pool:
        for video, answer in zip(videos, pool.map(plain.separate, videos), strict=True):
            np.testing.assert_array_equal(answer["outputs"][0], video)


def predict_request(name="separator", **spec):
    request = PredictRequest(model_spec=ModelSpec(name=name, **spec))
    shape = (1, CLIP.frames, CLIP.height, CLIP.width, 3)
    request.inputs["video"].CopyFrom(tf.make_tensor_proto(np.zeros(shape, np.uint8)))
    request.inputs["audio"].CopyFrom(tf.make_tensor_proto(LOUD[np.newaxis]))
    request.output_filter.append("outputs")
    return request


def test_the_answer_names_its_version_and_signature(channel):
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
        ({"signature_name": "description"}, "INVALID_ARGUMENT"),
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
    assert code_of(predictions.Classify, request) is grpc.StatusCode.INVALID_ARGUMENT


def states(address):
    with open_channel(address) as channel:
        request = GetModelStatusRequest(model_spec=ModelSpec(name="separator"))
        response = ModelServiceStub(channel).GetModelStatus(request, timeout=20)
    return {
        status.version: (ModelVersionStatus.State.Name(status.state), status.status.error_message)
        for status in response.model_version_status
    }


def copy_version(source, target):
    """Copy a version slowly, file by file under its final name."""
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
    with SeparationClient(control_server, "other") as other:
        assert not other.ready()
        with pytest.raises(ServingError, match=r"not ready within 0\.5 s: other at .*NOT_FOUND"):
            other.wait_ready(0.5)


def test_an_unknown_model_is_named(control_server, video):
    with (
        SeparationClient(control_server, "other") as client,
        pytest.raises(ServingError, match=r"other at 127.*: NOT_FOUND: .*Latest\(other\)"),
    ):
        client.separate(video)


def test_a_missing_server_is_named(video):
    address = f"127.0.0.1:{closed_port()}"
    with SeparationClient(address) as client:
        assert not client.ready()
        with pytest.raises(ServingError, match=f"no server answers at {address}") as caught:
            client.separate(video)
        with pytest.raises(ServingError, match=rf"within 0\.3 s: no server answers at {address}"):
            client.wait_ready(0.3)
    assert "\n" not in str(caught.value)


def test_the_client_waits_no_longer_than_the_timeout(video):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with (
            SeparationClient(address, timeout=0.3) as client,
            pytest.raises(ServingError, match=r"no answer within 0\.3 s"),
        ):
            client.separate(video)


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":8500", "host:http", "h:70000"])
def test_an_address_needs_a_host_and_a_port(address):
    with pytest.raises(ServingError, match=f"must be HOST:PORT, got {address}"):
        SeparationClient(address)


def serve_here(folder, port):
    settings = ServerSettings(port=port)
    serve_until(
        threading.Event(), SingleModel("separator", folder), settings, report=lambda line: None
    )


def test_a_port_in_use_is_named(plain_server):
    port = int(plain_server.address.rpartition(":")[2])
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port}: cannot listen"):
        serve_here(plain_server.folder, port)


def test_a_folder_whose_only_version_is_broken_is_named(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(UserError, match=f"{tmp_path}: no version can be loaded: version 1: "):
        serve_here(tmp_path, 0)


def test_command_line_errors_take_one_line_and_no_tensorflow(tmp_path):
    for arguments, code, words in (
        (("serve", "--model", tmp_path / "none", "--port", 0), 1, "must be a readable folder"),
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
