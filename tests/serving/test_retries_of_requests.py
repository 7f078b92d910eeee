"""Predictions are repeated if a server is unavailable or overloaded, and nothing else is."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
from clients import CLIENTS

from serving.errors import ServingError
from serving.wire import (
    GetModelMetadataResponse,
    PredictRequest,
    PredictResponse,
    SignatureDefMap,
    to_array,
    to_tensor,
)

LARGE = np.arange(6_000_000, dtype=np.uint8).reshape(1, 2, 1000, 1000, 3)


def signatures():
    """Return the metadata of a model with one input and one output, uint8 of any shape."""
    definitions = SignatureDefMap()
    signature = definitions.signature_def["serving_default"]
    for infos, name in ((signature.inputs, "video"), (signature.outputs, "outputs")):
        infos[name].dtype = 4
        infos[name].tensor_shape.unknown_rank = True
    answer = GetModelMetadataResponse()
    answer.metadata["signature_def"].value = definitions.SerializeToString()
    return answer


@contextmanager
def failing_server(code, failures):
    """Serve a model that returns its input, after some failures; give address and requests."""
    requests = []

    def predict(request, context):
        requests.append(request)
        if len(requests) <= failures:
            context.abort(code, "not now")
        answer = PredictResponse()
        video = PredictRequest.FromString(request).inputs["video"]
        answer.outputs["outputs"].CopyFrom(to_tensor(to_array(video)))
        return answer.SerializeToString()

    handlers = {
        "Predict": grpc.unary_unary_rpc_method_handler(predict),
        "GetModelMetadata": grpc.unary_unary_rpc_method_handler(
            lambda request, context: signatures().SerializeToString()
        ),
    }
    service = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", handlers)
    options = [("grpc.max_receive_message_length", -1)]
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, options=options)
        server.add_generic_rpc_handlers([service])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}", requests
        server.stop(None).wait()


@pytest.mark.parametrize("client_of", CLIENTS)
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_request_of_megabytes_is_repeated_whole(client_of, code):
    async def separate(address):
        async with client_of(address) as client:
            return await client.separate(LARGE)

    with failing_server(code, failures=2) as (address, requests):
        answer = asyncio.run(separate(address))
    np.testing.assert_array_equal(answer["outputs"], LARGE)
    assert len(requests) == 3
    assert len(set(requests)) == 1


@pytest.mark.parametrize("client_of", CLIENTS)
@pytest.mark.parametrize(
    ("code", "attempts"),
    [
        (grpc.StatusCode.UNAVAILABLE, 5),
        (grpc.StatusCode.INVALID_ARGUMENT, 1),
        (grpc.StatusCode.INTERNAL, 1),
    ],
)
def test_only_what_may_pass_is_repeated(client_of, code, attempts):
    async def separate(address):
        async with client_of(address) as client:
            await client.separate(LARGE[:, :, :2, :2])

    with (
        failing_server(code, failures=100) as (address, requests),
        pytest.raises(ServingError, match="not now"),
    ):
        asyncio.run(separate(address))
    assert len(requests) == attempts
