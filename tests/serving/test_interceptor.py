"""The interceptor in a real gRPC server, without TensorFlow."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from serving.server.admission import Admission
from serving.server.batcher import Batcher
from serving.server.errors import StatusError
from serving.server.interceptor import CallInterceptor
from serving.server.metrics import CallMetrics
from serving.server.open_calls import OpenCalls

BOUNDED, FREE, OTHER = (f"/test.Service/{name}" for name in ("Bounded", "Free", "Other"))


@contextmanager
def answering(behavior, workers=1, queue=0, **settings):
    """Serve a behavior under both methods, and give a channel."""
    handler = grpc.unary_unary_rpc_method_handler(
        behavior, StringValue.FromString, StringValue.SerializeToString
    )
    handlers = {"Bounded": handler, "Free": handler, "Other": handler}
    admission = Admission(workers, queue, join=1, largest=2**20)
    metrics = CallMetrics(admission, Batcher(workers, largest=1))
    interceptor = CallInterceptor(
        admission, frozenset({BOUNDED}), OpenCalls(2), metrics, **settings
    )
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[interceptor])
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Service", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(None)


def call(channel, method=FREE, value="video"):
    message = value if isinstance(value, bytes) else StringValue(value=value).SerializeToString()
    answer = channel.unary_unary(method)(message, timeout=20)
    return StringValue.FromString(answer).value


def refusal(channel, **arguments):
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, **arguments)
    return caught.value.code(), caught.value.details()


def echo(request, context):
    return StringValue(value=f"{request.value}!")


def test_an_answer_passes():
    with answering(echo) as channel:
        assert call(channel) == call(channel, BOUNDED) == "video!"


def test_an_unexpected_error_is_internal_and_logged(caplog):
    def fail(request, context):
        raise ZeroDivisionError("by zero")

    with answering(fail) as channel, caplog.at_level(logging.ERROR):
        code, text = refusal(channel)
    assert (code, text) == (grpc.StatusCode.INTERNAL, "server: ZeroDivisionError: by zero")
    [record] = (record for record in caplog.records if "serving" in record.name)
    assert record.getMessage() == f"{FREE} failed"
    assert record.exc_info[0] is ZeroDivisionError


def test_a_status_is_the_answer_and_not_logged(caplog):
    def refuse(request, context):
        raise StatusError(grpc.StatusCode.NOT_FOUND, "no such model")

    with answering(refuse) as channel:
        assert refusal(channel) == (grpc.StatusCode.NOT_FOUND, "no such model")
    assert not caplog.records


@pytest.mark.parametrize("length", [1024, 1025, 100_000])
def test_long_texts_are_cut_as_by_tensorflow_serving(length):
    def refuse(request, context):
        raise StatusError(grpc.StatusCode.NOT_FOUND, "x" * length)

    with answering(refuse) as channel:
        _, text = refusal(channel)
    assert text == ("x" * 1024 if length == 1024 else "x" * 1024 + "...TRUNCATED")


def test_bytes_that_are_no_message_are_internal_as_in_tensorflow_serving():
    with answering(echo) as channel:
        code, text = refusal(channel, value=b"\xff\xff\xff")
    assert code is grpc.StatusCode.INTERNAL
    assert "must be the method's message" in text


def test_a_call_without_a_message_is_refused():
    with answering(echo) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary(FREE)(iter([]), timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "must be one message" in caught.value.details()


@contextmanager
def silent_calls(channel, method, count):
    """Open calls whose message does not come; give their futures."""
    end = threading.Event()

    def nothing():
        end.wait(20)
        yield from ()

    yield [channel.stream_unary(method).future(nothing()) for _ in range(count)]
    end.set()


def codes(calls):
    return {call.exception(timeout=20).code().name for call in calls}


def test_a_client_that_sends_nothing_does_not_keep_others_out():
    with (
        answering(echo, queue=1, read_seconds=0.2) as channel,
        silent_calls(channel, BOUNDED, 1) as calls,
    ):
        assert call(channel, BOUNDED) == "video!"
        assert codes(calls) == {"CANCELLED"}


def test_a_silent_call_of_another_method_is_canceled_sooner():
    with (
        answering(echo, quick_read_seconds=0.2) as channel,
        silent_calls(channel, FREE, 2) as calls,
    ):
        assert codes(calls) == {"CANCELLED"}
        assert call(channel) == "video!"


def test_silent_calls_keep_only_calls_of_their_method_out():
    with answering(echo) as channel, silent_calls(channel, FREE, 5) as calls:
        while sum(call.done() for call in calls) < 3:
            time.sleep(0.01)
        assert codes(call for call in calls if call.done()) == {"RESOURCE_EXHAUSTED"}
        code, text = refusal(channel)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert text == f"{FREE}: at most 2 calls may be open, try again later"
        assert call(channel, OTHER) == call(channel, BOUNDED) == "video!"


def test_an_unknown_method_is_unimplemented():
    with answering(echo) as channel:
        code, _ = refusal(channel, method="/test.Service/Unknown")
    assert code is grpc.StatusCode.UNIMPLEMENTED


def test_other_methods_answer_while_the_bounded_one_is_full():
    started, finish = threading.Event(), threading.Event()

    def wait(request, context):
        if request.value == "wait":
            started.set()
            finish.wait(20)
        return request

    with answering(wait) as channel, ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, channel, BOUNDED, "wait")
        started.wait(20)
        code, text = refusal(channel, method=BOUNDED)
        assert (code, text[:12]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "predictions:")
        assert call(channel) == "video"
        finish.set()
        assert running.result(20) == "wait"
        assert call(channel, BOUNDED) == "video"


def test_a_client_that_stops_waiting_frees_its_place():
    started, finish = threading.Event(), threading.Event()

    def wait(request, context):
        started.set()
        finish.wait(20)
        return request

    with answering(wait, queue=1) as channel, ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, channel, BOUNDED)
        started.wait(20)
        message = StringValue(value="late").SerializeToString()
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(BOUNDED)(message, timeout=0.2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        waiting = pool.submit(call, channel, BOUNDED)  # after the running one, in the same thread
        finish.set()
        assert running.result(20) == waiting.result(20) == "video"
