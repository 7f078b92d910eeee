"""Methods that answer with streams, in a real gRPC server: bounded, and ended at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from serving.server.open_calls import OpenCalls
from serving.server.open_streams import StreamInterceptor

WATCH, TALK = "/test.Service/Watch", "/test.Service/Talk"


def watch(request, context):
    """Answer once, and then stay open."""
    ended = threading.Event()
    context.add_callback(ended.set)
    yield StringValue(value=f"{request.value}!")
    ended.wait(20)


def talk(requests, context):
    for request in requests:
        yield StringValue(value=f"{request.value}!")


@contextmanager
def answering(read_seconds=20):
    """Serve both methods, two calls of each; give the server, the interceptor and a channel."""
    streams = StreamInterceptor(OpenCalls(2), read_seconds)
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[streams])
    form = StringValue.FromString, StringValue.SerializeToString
    handlers = {
        "Watch": grpc.unary_stream_rpc_method_handler(watch, *form),
        "Talk": grpc.stream_stream_rpc_method_handler(talk, *form),
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Service", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield server, streams, channel
    server.stop(None)


def message(value):
    return StringValue(value=value).SerializeToString()


def value(answer):
    return StringValue.FromString(answer).value


def open_watch(channel):
    return channel.unary_stream(WATCH)(message("video"), timeout=20)


def code(stream):
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    return caught.value.code().name


def test_streams_pass():
    with answering() as (_, _, channel):
        assert value(next(open_watch(channel))) == "video!"
        answers = channel.stream_stream(TALK)(iter([message("a"), message("b")]), timeout=20)
        assert [value(answer) for answer in answers] == ["a!", "b!"]


def test_a_stream_without_a_message_is_refused():
    with answering() as (_, _, channel):
        for method in (WATCH, TALK):
            assert code(channel.stream_stream(method)(iter([]), timeout=20)) == "INVALID_ARGUMENT"


def test_a_stream_whose_message_does_not_come_is_canceled():
    end = threading.Event()

    def nothing():
        end.wait(20)
        yield from ()

    with answering(read_seconds=0.2) as (_, _, channel):
        for method in (WATCH, TALK):
            assert code(channel.stream_stream(method)(nothing())) == "CANCELLED"
        end.set()


def test_streams_are_bounded_and_one_that_ends_makes_room():
    with answering() as (_, _, channel):
        streams = [open_watch(channel) for _ in range(2)]
        assert [value(next(stream)) for stream in streams] == ["video!"] * 2
        assert code(open_watch(channel)) == "RESOURCE_EXHAUSTED"
        assert value(next(channel.stream_stream(TALK)(iter([message("a")])))) == "a!"
        streams[0].cancel()
        while True:  # until the server knows
            stream = open_watch(channel)
            try:
                assert value(next(stream)) == "video!"
                break
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_server_that_stops_does_not_wait_for_streams():
    with answering() as (server, streams, channel):
        stream = open_watch(channel)
        next(stream)
        stopped = server.stop(grace=600)
        streams.end()
        assert stopped.wait(10)
        assert code(stream) in {"CANCELLED", "UNAVAILABLE"}  # the call, or its connection, ended


def test_a_stream_that_comes_after_the_end_is_refused():
    with answering() as (_, streams, channel):
        streams.end()
        assert code(open_watch(channel)) == "UNAVAILABLE"
