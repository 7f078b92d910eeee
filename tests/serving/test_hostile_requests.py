"""Randomly damaged requests: each gets an error status that fits, never UNKNOWN."""

from collections import Counter

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tiny_separator import CLIP

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
