"""Damaged requests: each gets an error status that fits, never UNKNOWN."""

import json
import socket
from collections import Counter

import grpc
import numpy as np
import pytest
import tensorflow as tf
from rest_client import send, serving_rest
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tiny_separator import CLIP, save_model

from serving.server.config_source import SingleModel

PREDICT = "/tensorflow.serving.PredictionService/Predict"
REFUSALS = {"INVALID_ARGUMENT", "INTERNAL", "NOT_FOUND", "FAILED_PRECONDITION"}
REQUESTS = 300


@pytest.fixture(scope="module")
def good_request():
    request = PredictRequest(model_spec={"name": "separator", "version": {"value": 3}})
    shape = (1, CLIP.frames, CLIP.height, CLIP.width, 3)
    request.inputs["video"].CopyFrom(tf.make_tensor_proto(np.zeros(shape, np.uint8)))
    request.inputs["audio"].CopyFrom(tf.make_tensor_proto(np.zeros((1, CLIP.samples), np.float32)))
    request.output_filter.append("outputs")
    return request.SerializeToString()


def damage(message, rng):
    """Change, insert or delete bytes, mostly near the start: names, dtypes and shapes."""
    changed = bytearray(message)
    for _ in range(rng.integers(1, 4)):
        place = int(len(changed) * rng.random() ** 6)
        match rng.integers(4):
            case 0:
                changed[place : place + 1] = rng.bytes(1)
            case 1:
                changed[place:place] = rng.bytes(int(rng.integers(1, 12)))
            case 2:
                del changed[place : place + int(rng.integers(1, 12))]
            case 3:
                del changed[place:]
    return bytes(changed)


def test_damaged_requests_get_a_status_and_nothing_is_logged(control_server, good_request, caplog):
    rng, codes = np.random.default_rng(0), Counter()
    with grpc.insecure_channel(control_server) as channel:
        predict = channel.unary_unary(PREDICT)
        for _ in range(REQUESTS):
            try:
                predict(damage(good_request, rng), timeout=60)
                codes["OK"] += 1
            except grpc.RpcError as error:
                codes[error.code().name] += 1
                if error.code() is grpc.StatusCode.INTERNAL:
                    assert "must be the method's message" in error.details()
        assert predict(good_request, timeout=60)
    assert codes.keys() <= REFUSALS | {"OK"}
    assert codes["INVALID_ARGUMENT"] > REQUESTS / 10, codes
    assert not [record for record in caplog.records if record.name.startswith("serving")]


HEAD = b"POST /v1/models/separator:predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
TOKEN = b"Authorization: Bearer s3cret\r\n"
DAMAGED = {
    "garbage": (b"\x16\x03\x01\x00\r\n\r\n", 400),
    "no_token": (HEAD + b"Content-Length: 2\r\n\r\n{}", 401),
    "token_of_other_bytes": (HEAD + b"Authorization: \xff\xfe\r\n\r\n", 401),
    "negative_length": (HEAD + TOKEN + b"Content-Length: -1\r\n\r\n{}", 400),
    "wrong_chunks": (HEAD + TOKEN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", 400),
    "wrong_gzip": (HEAD + TOKEN + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 400),
    "long_header": (HEAD + b"A: " + b"a" * 100_000 + b"\r\n\r\n", 400),
    "path_of_other_bytes": (HEAD.replace(b"separator", b"\xff") + TOKEN + b"\r\n", 400),
    "nothing": (b"", None),
    "half_a_head": (HEAD[:20], None),
    "half_a_body": (HEAD + TOKEN + b"Content-Length: 9\r\n\r\n{", None),
}


@pytest.fixture(scope="module")
def rest_address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rest")
    save_model(folder / "models" / "3", control=False)
    (folder / "token").write_text("s3cret")
    source = SingleModel("separator", folder / "models")
    with serving_rest(source, token_file=folder / "token", workers=1, queue=1) as address:
        yield address


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_http_gets_a_status_and_nothing_is_logged(rest_address, kind, caplog):
    sent, code = DAMAGED[kind]
    host, port = rest_address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(sent)
        if code is not None:
            assert connection.recv(1000).split()[1] == str(code).encode()
    headers = {"Authorization": "Bearer s3cret"}
    body = {"signature_name": "description", "instances": [1]}
    status, answer = send(rest_address, "POST", "/v1/models/separator:predict", body, **headers)
    assert (status, answer["predictions"][0]["system"]) == (200, "tiny")
    assert not [record for record in caplog.records if record.name.startswith("serving")]


def test_damaged_json_gets_a_status(rest_address):
    rng, codes = np.random.default_rng(0), Counter()
    good = json.dumps({"signature_name": "description", "instances": [1, 2, 3]}).encode()
    for _ in range(REQUESTS):
        status, _ = send(
            rest_address,
            "POST",
            "/v1/models/separator:predict",
            damage(good, rng),
            Authorization="Bearer s3cret",
        )
        codes[status] += 1
    assert codes.keys() <= {200, 400}
    assert codes[400] > REQUESTS / 10, codes
