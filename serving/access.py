"""What a server may require of its clients: TLS, a certificate, a token."""

from dataclasses import dataclass, field
from pathlib import Path

import grpc

from data_prep.errors import UserError
from serving.secret_files import read_token, require_authorities, require_key_pair


@dataclass(frozen=True)
class Access:
    """How a client recognizes a server and identifies itself; by default, neither.

    Attributes:
        tls_ca: PEM certificates of the authorities that sign the server's certificate, which turn
            TLS on; None for a connection without TLS.
        tls_cert: the client's PEM certificate and its chain, for a server that requires one.
        tls_key: PEM private key of that certificate.
        token: sent as `authorization: Bearer TOKEN`; without TLS, others on the way can read it.

    Raises:
        UserError: a certificate comes without its key or without TLS, or a key alone.
    """

    tls_ca: bytes | None = None
    tls_cert: bytes | None = None
    tls_key: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UserError("TLS: must have a certificate and its key, got only one of them")
        if self.tls_cert is not None and self.tls_ca is None:
            raise UserError("TLS: must have the server's authorities, got only a certificate")

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the credentials of a channel; None without TLS."""
        if self.tls_ca is None:
            return None
        return grpc.ssl_channel_credentials(self.tls_ca, self.tls_key, self.tls_cert)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that are sent with every call."""
        return () if self.token is None else (("authorization", f"Bearer {self.token}"),)


OPEN = Access()
"""Neither TLS nor a token."""


def read_access(
    *,
    tls_ca: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    token_file: Path | None = None,
) -> Access:
    """Read the parts of an `Access` from files.

    Args:
        tls_ca: PEM file of the authorities.
        tls_cert: PEM file of the client's certificate.
        tls_key: PEM file of its private key.
        token_file: file with the token.

    Raises:
        UserError: a file is missing or holds something else, or the parts do not go together.
    """
    if tls_ca is not None:
        require_authorities(tls_ca)
    if tls_cert is not None and tls_key is not None:
        require_key_pair(tls_cert, tls_key)
    return Access(
        tls_ca=_content(tls_ca),
        tls_cert=_content(tls_cert),
        tls_key=_content(tls_key),
        token=None if token_file is None else read_token(token_file),
    )


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"TLS: must be a readable file, got {path}: {error.strerror}") from error
