"""Certificates, keys and tokens in files, for servers and clients."""

import re
import ssl
from pathlib import Path
from typing import NoReturn

from data_prep.errors import UserError


def require_key_pair(cert: Path, key: Path) -> None:
    """Raise UserError unless a certificate and a key belong together; gRPC would give no reason.

    Args:
        cert: PEM file of the certificate and its chain.
        key: PEM file of its private key.
    """
    for path in (cert, key):
        _require_file(path, "TLS")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as error:  # OpenSSL's errors are OSErrors
        raise UserError(
            f"TLS: must have a PEM certificate and its key, got {cert} and {key}: {error}"
        ) from error


def require_authorities(path: Path) -> None:
    """Raise UserError unless a PEM file holds certificates of authorities."""
    _require_file(path, "TLS")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except OSError as error:
        raise UserError(
            f"TLS: must have PEM certificates of authorities, got {path}: {error}"
        ) from error


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


def _no_password() -> NoReturn:
    raise ValueError("the key must not need a password")


def _require_file(path: Path, what: str) -> None:
    if not path.is_file():
        raise UserError(f"{what}: must be a file, got {path}")
