"""What every call has in common: admission, errors as statuses, and a log of what is unexpected."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.message import DecodeError

from serving.server.admission import Admission
from serving.server.errors import StatusError, invalid
from serving.server.metrics import CallMetrics
from serving.server.open_calls import OpenCalls

_Message = TypeVar("_Message")

_LOGGER = logging.getLogger(__name__)
# TensorFlow Serving cuts its texts here too. gRPC sends them in a header, and clients accept 8 KiB.
_LONGEST_TEXT = 1024


class CallInterceptor(grpc.ServerInterceptor):
    """Runs every method that answers one message with another.

    A message is read once its call is admitted. gRPC by itself reads those of waiting calls too.
    """

    def __init__(
        self,
        admission: Admission,
        admitted: frozenset[str],
        open_calls: OpenCalls,
        metrics: CallMetrics,
        read_seconds: float = 60,
        quick_read_seconds: float = 5,
    ) -> None:
        """Create it.

        A call whose message takes too long to arrive is canceled, so that clients which send
        nothing do not keep others out.

        Args:
            admission: bounds on predictions.
            admitted: methods that it applies to, `/PACKAGE.SERVICE/METHOD`.
            open_calls: bounds on the calls of all other methods.
            metrics: counts all calls.
            read_seconds: seconds that the message of a prediction may take to arrive.
            quick_read_seconds: seconds that another message may take, which is small.
        """
        self._admission = admission
        self._admitted = admitted
        self._open_calls = open_calls
        self._metrics = metrics
        self._read_seconds = read_seconds
        self._quick_read_seconds = quick_read_seconds

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call; see `grpc.ServerInterceptor`."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method

        def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            return self._answer(method, handler, messages, context)

        # On the wire, a stream of one message is that message. Here, it is read on demand.
        return grpc.stream_unary_rpc_method_handler(
            answer, response_serializer=handler.response_serializer
        )

    def _answer(
        self,
        method: str,
        handler: grpc.RpcMethodHandler,
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
    ) -> Any:
        start, code = time.perf_counter(), grpc.StatusCode.OK
        try:
            with self._message(method, messages, context) as message:
                return handler.unary_unary(_parse(message, handler), context)
        except StatusError as error:
            code = error.code
            abort(context, error)
        except grpc.RpcError:  # the client has gone, or its message is too large
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            _LOGGER.exception("%s failed", method)
            abort(context, StatusError(code, f"server: {type(error).__name__}: {error}"))
        finally:
            self._metrics.record(method, code, time.perf_counter() - start)

    @contextmanager
    def _message(
        self, method: str, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        if method not in self._admitted:
            with self._open_calls.counted(method):
                yield read_message(messages, context, self._quick_read_seconds)
            return

        def read() -> bytes:
            return read_message(messages, context, self._read_seconds)

        with self._admission.admit_message(context, read) as message:
            yield message


def read_message(
    messages: Iterator[_Message], context: grpc.ServicerContext, seconds: float
) -> _Message:
    """Return the first message of a call.

    Args:
        messages: the messages of the client.
        context: the call, which is canceled if the message does not arrive in time.
        seconds: how long it may take to arrive.

    Raises:
        StatusError: the client ends the call without one.
        grpc.RpcError: the client has gone, or the call is canceled.
    """
    timer = threading.Timer(seconds, context.cancel)
    timer.start()
    try:
        message = next(messages, None)
    finally:
        timer.cancel()
    if message is None:
        raise invalid("request: must be one message, got none")
    return message


def _parse(message: bytes, handler: grpc.RpcMethodHandler) -> Any:
    """Return the request in a message."""
    try:
        return handler.request_deserializer(message)
    except DecodeError as error:
        rule = "request: must be the method's message, got other bytes"
        raise StatusError(grpc.StatusCode.INTERNAL, rule) from error


def abort(context: grpc.ServicerContext, error: StatusError) -> NoReturn:
    """End a call with an error."""
    text = error.message
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}...TRUNCATED"
    context.abort(error.code, text)
    raise AssertionError("abort raises")
