"""HTTP's status codes for gRPC's, as in TensorFlow Serving's http_server.cc."""

import grpc

_Code = grpc.StatusCode

_HTTP = {
    _Code.OK: 200,
    _Code.CANCELLED: 499,
    _Code.INVALID_ARGUMENT: 400,
    _Code.DEADLINE_EXCEEDED: 504,
    _Code.NOT_FOUND: 404,
    _Code.ALREADY_EXISTS: 409,
    _Code.PERMISSION_DENIED: 403,
    _Code.RESOURCE_EXHAUSTED: 429,
    _Code.FAILED_PRECONDITION: 400,
    _Code.ABORTED: 409,
    _Code.OUT_OF_RANGE: 400,
    _Code.UNIMPLEMENTED: 501,
    _Code.UNAVAILABLE: 503,
    _Code.UNAUTHENTICATED: 401,
}


def http_status(code: grpc.StatusCode) -> int:
    """Return HTTP's status code; 500 for UNKNOWN, INTERNAL and DATA_LOSS."""
    return _HTTP.get(code, 500)
