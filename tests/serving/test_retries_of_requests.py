"""Predictions are repeated if a server is unavailable or overloaded, and nothing else is."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from serving.connection import Connection
from serving.errors import ServingError
from serving.wire import PredictRequest, PredictResponse, to_array, to_tensor

LARGE = np.arange(5_000_000, dtype=np.uint8)


@contextmanager
def failing_server(code, failures):
    """Serve a model that returns its input, after some failures; give a client and all requests."""
    requests = []

    def predict(request, context):
        requests.append(request)
        if len(requests) <= failures:
            context.abort(code, "not now")
        answer = PredictResponse()
        answer.outputs["video"].CopyFrom(to_tensor(to_array(request.inputs["video"])))
        return answer

    handler = grpc.unary_unary_rpc_method_handler(
        predict,
        request_deserializer=PredictRequest.FromString,
        response_serializer=PredictResponse.SerializeToString,
    )
    options = [("grpc.max_receive_message_length", -1)]
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, options=options)
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "tensorflow.serving.PredictionService", {"Predict": handler}
                )
            ]
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        connection = Connection(f"127.0.0.1:{port}", "separator", timeout=60)
        yield connection, requests
        connection.close()
        server.stop(None).wait()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_request_of_megabytes_is_repeated_whole(code):
    with failing_server(code, failures=2) as (connection, requests):
        _, answer = connection.predict("serving_default", {"video": LARGE})
    np.testing.assert_array_equal(answer["video"], LARGE)
    assert len(requests) == 3
    assert len({request.SerializeToString() for request in requests}) == 1


@pytest.mark.parametrize(
    ("code", "attempts"),
    [
        (grpc.StatusCode.UNAVAILABLE, 5),
        (grpc.StatusCode.INVALID_ARGUMENT, 1),
        (grpc.StatusCode.INTERNAL, 1),
    ],
)
def test_only_what_may_pass_is_repeated(code, attempts):
    with (
        failing_server(code, failures=100) as (connection, requests),
        pytest.raises(ServingError, match="not now"),
    ):
        connection.predict("serving_default", {"video": LARGE[:10]})
    assert len(requests) == attempts
