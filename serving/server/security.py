"""TLS and tokens, read from files."""

import hmac
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import grpc

from data_prep.errors import UserError
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
    for path in filter(None, (cert, key, client_ca)):
        _require_file(path, "TLS")
    _check_pem(cert, key, client_ca)
    return grpc.ssl_server_credentials(
        [(key.read_bytes(), cert.read_bytes())],
        root_certificates=None if client_ca is None else client_ca.read_bytes(),
        require_client_auth=client_ca is not None,
    )


def _check_pem(cert: Path, key: Path, client_ca: Path | None) -> None:
    """Raise UserError unless the files belong together; gRPC would fail without a reason."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as error:  # OpenSSL's errors are OSErrors
        raise UserError(
            f"TLS: must have a PEM certificate and its key, got {cert} and {key}: {error}"
        ) from error
    if client_ca is None:
        return
    try:
        context.load_verify_locations(client_ca)
    except OSError as error:
        raise UserError(
            f"TLS: must have PEM certificates of authorities, got {client_ca}: {error}"
        ) from error


def _no_password() -> NoReturn:
    raise ValueError("the key must not need a password")


def _require_file(path: Path, what: str) -> None:
    if not path.is_file():
        raise UserError(f"{what}: must be a file, got {path}")


def read_token(path: Path) -> str:
    """Read a token: the text of a file, without the white space around it.

    Raises:
        UserError: there is no such file, or it holds nothing that can be sent.
    """
    _require_file(path, "token")
    token = path.read_bytes().strip()
    if not re.fullmatch(rb"[!-~]+", token):
        raise UserError(f"token: must be printable ASCII without spaces, got another in {path}")
    return token.decode()


class TokenInterceptor(grpc.ServerInterceptor):
    """Refuses calls without the token as UNAUTHENTICATED, before their messages are read.

    Health is left open, because the probes of Kubernetes and of load balancers send no tokens.
    """

    def __init__(self, token: str) -> None:
        """Create it.

        Args:
            token: printable ASCII characters.
        """
        self._expected = f"Bearer {token}"

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call; see `grpc.ServerInterceptor`."""
        if handler_call_details.method.startswith(_HEALTH):
            return continuation(handler_call_details)
        sent = dict(handler_call_details.invocation_metadata).get("authorization", "")
        if hmac.compare_digest(str(sent).encode(), self._expected.encode()):
            return continuation(handler_call_details)
        return grpc.stream_stream_rpc_method_handler(_refuse)


def _refuse(messages: object, context: grpc.ServicerContext) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNAUTHENTICATED, "authorization: must be Bearer and the server's token"
    )
    raise AssertionError("abort raises")
