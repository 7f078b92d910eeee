"""What every call has in common: admission, errors as statuses, and a log of what is unexpected."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from serving.server.admission import Admission
from serving.server.errors import StatusError, invalid
from serving.server.metrics import CallMetrics

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
        bounded: frozenset[str],
        metrics: CallMetrics,
        read_seconds: float = 60,
    ) -> None:
        """Create it.

        Args:
            admission: bounds on calls.
            bounded: methods that they apply to, `/PACKAGE.SERVICE/METHOD`.
            metrics: counts all calls.
            read_seconds: seconds that a message may take to arrive. Then the call is canceled, so
                that clients which send nothing do not keep others out.
        """
        self._admission = admission
        self._bounded = bounded
        self._metrics = metrics
        self._read_seconds = read_seconds

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
            _abort(context, error)
        except grpc.RpcError:  # the client has gone, or its message is too large
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            _LOGGER.exception("%s failed", method)
            _abort(context, StatusError(code, f"server: {type(error).__name__}: {error}"))
        finally:
            self._metrics.record(method, code, time.perf_counter() - start)

    @contextmanager
    def _message(
        self, method: str, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        if method not in self._bounded:
            yield self._read(messages, context)
            return
        with self._admission.admit_message(context, lambda: self._read(messages, context)) as read:
            yield read

    def _read(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """Return the only message of a call."""
        timer = threading.Timer(self._read_seconds, context.cancel)
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


def _abort(context: grpc.ServicerContext, error: StatusError) -> NoReturn:
    text = error.message
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}...TRUNCATED"
    context.abort(error.code, text)
    raise AssertionError("abort raises")
