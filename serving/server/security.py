"""TLS and tokens of the server."""

import hmac
import ssl
from collections.abc import Callable
from typing import NoReturn

import grpc

from data_prep.errors import UserError
from serving.secret_files import require_authorities, require_key_pair
from serving.server.errors import StatusError
from serving.server.interceptor import abort
from serving.server.metrics import CallMetrics
from serving.server.settings import ServerSettings

_HEALTH = "/grpc.health.v1.Health/"


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """Return the credentials to listen with; None without TLS.

    Raises:
        UserError: a file is missing, is no PEM file, or does not belong to the others.
    """
    cert, key, client_ca = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if cert is None and key is None and client_ca is None:
        return None
    if cert is None or key is None:
        raise UserError("TLS: must have --tls-cert and --tls-key, got only one of the options")
    require_key_pair(cert, key)
    if client_ca is not None:
        require_authorities(client_ca)
    return grpc.ssl_server_credentials(
        [(key.read_bytes(), cert.read_bytes())],
        root_certificates=None if client_ca is None else client_ca.read_bytes(),
        require_client_auth=client_ca is not None,
    )


def ssl_context(settings: ServerSettings) -> ssl.SSLContext | None:
    """Return what to listen with for HTTPS; None without TLS.

    Args:
        settings: those that `server_credentials` accepts.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    if settings.tls_client_ca is not None:
        context.load_verify_locations(settings.tls_client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def has_token(authorization: str, token: str) -> bool:
    """Return whether a header `authorization` holds a token, in a time that tells nothing."""
    sent = authorization.encode(errors="replace")
    return hmac.compare_digest(sent, f"Bearer {token}".encode())


def without_token() -> StatusError:
    """Return the error of a request without the token."""
    return StatusError(
        grpc.StatusCode.UNAUTHENTICATED, "authorization: must be Bearer and the server's token"
    )


class TokenInterceptor(grpc.ServerInterceptor):
    """Refuses calls without the token as UNAUTHENTICATED, before their messages are read.

    Health is left open, because the probes of Kubernetes and of load balancers send no tokens.
    """

    def __init__(self, token: str, metrics: CallMetrics) -> None:
        """Create it.

        Args:
            token: printable ASCII characters.
            metrics: counts the calls that are refused.
        """
        self._token = token
        self._metrics = metrics

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call; see `grpc.ServerInterceptor`."""
        method, handler = handler_call_details.method, continuation(handler_call_details)
        sent = dict(handler_call_details.invocation_metadata).get("authorization", "")
        if method.startswith(_HEALTH) or has_token(str(sent), self._token):
            return handler

        def refuse(messages: object, context: grpc.ServicerContext) -> NoReturn:
            error = without_token()
            if handler is not None:  # names of unknown methods are not counted
                self._metrics.record(method, error.code, 0)
            abort(context, error)

        return grpc.stream_stream_rpc_method_handler(refuse)
