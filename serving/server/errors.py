"""Errors that a client sees as a gRPC status."""

import grpc


class StatusError(Exception):
    """A request that cannot be answered, or a version that cannot be loaded.

    Attributes:
        code: TensorFlow Serving's gRPC status for it.
        message: the rule that is broken.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def unavailable() -> StatusError:
    """Return the error of a request that comes too late: the server ends."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, "server: ends, try another one")


def invalid(message: str) -> StatusError:
    """Return the error of a request that is wrong whatever the server's state."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)
