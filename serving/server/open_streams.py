"""Calls that stay open: Watch of gRPC's health, and reflection."""

import threading
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import grpc

from serving.server.errors import StatusError, unavailable
from serving.server.interceptor import abort, read_message
from serving.server.open_calls import OpenCalls


class StreamInterceptor(grpc.ServerInterceptor):
    """Runs every method that answers with a stream: bounds their number, and ends them at once.

    A server that stops waits for open calls, and these have no end of their own.
    """

    def __init__(self, open_calls: OpenCalls, read_seconds: float) -> None:
        """Create it.

        Args:
            open_calls: bounds on the streams.
            read_seconds: seconds until the first message, after which a call is canceled.
        """
        self._open_calls = open_calls
        self._read_seconds = read_seconds
        self._lock = threading.Lock()
        self._open: set[grpc.ServicerContext] = set()
        self._ended = False

    def end(self) -> None:
        """Cancel all streams, and refuse later ones as UNAVAILABLE."""
        with self._lock:
            self._ended = True
            streams = [*self._open]
        for stream in streams:
            stream.cancel()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call; see `grpc.ServerInterceptor`."""
        handler = continuation(handler_call_details)
        if handler is None or not handler.response_streaming:
            return handler
        method = handler_call_details.method

        def answer(messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                self._enter(method, context)
                first = read_message(messages, context, self._read_seconds)
            except StatusError as error:
                abort(context, error)
            if handler.request_streaming:
                return handler.stream_stream(chain([first], messages), context)
            return handler.unary_stream(first, context)

        return grpc.stream_stream_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

    def _enter(self, method: str, context: grpc.ServicerContext) -> None:
        """Count the call until it ends."""
        with self._lock:
            if self._ended:
                raise unavailable()
            self._open_calls.begin(method)
            self._open.add(context)

        def leave() -> None:
            with self._lock:
                self._open.discard(context)
            self._open_calls.end(method)

        if not context.add_callback(leave):  # it has ended already
            leave()
