"""Options of every command that talks to a server."""

import functools
from collections.abc import Callable
from typing import Any

import click

from data_prep.options import LOCAL_PLACE, NAME, Real, Whole
from serving.access import read_access
from serving.client import SeparationClient
from serving.versions import MAX_VERSION

DEFAULT_SERVER = "127.0.0.1:8500"
DEFAULT_MODEL = "separator"

Command = Callable[..., Any]

_ACCESS = (
    click.option(
        "--tls-ca",
        type=LOCAL_PLACE,
        help="PEM file of the authorities that sign the server's certificate; turns TLS on.",
    ),
    click.option(
        "--tls-cert", type=LOCAL_PLACE, help="PEM file of the client's certificate, if required."
    ),
    click.option("--tls-key", type=LOCAL_PLACE, help="PEM file of its private key."),
    click.option(
        "--token-file",
        type=LOCAL_PLACE,
        help="File with a token that is sent as authorization: Bearer TOKEN.",
    ),
)

model_option = click.option(
    "--model",
    type=NAME,
    default=DEFAULT_MODEL,
    show_default=True,
    help="The server's name for the model.",
)

_ONE_MODEL = (
    click.option(
        "--server", type=NAME, default=DEFAULT_SERVER, show_default=True, help="HOST:PORT."
    ),
    model_option,
    click.option(
        "--label",
        type=NAME,
        help="Label of the version to ask, such as stable. [default: the server chooses]",
    ),
    click.option("--version", type=Whole(0, MAX_VERSION), help="The version to ask."),
)


def access_options(command: Command) -> Command:
    """Add the options for TLS and a token; the command gets `access`, an `Access`."""

    @functools.wraps(command)
    def with_access(
        *args: Any, tls_ca: Any, tls_cert: Any, tls_key: Any, token_file: Any, **kwargs: Any
    ) -> Any:
        access = read_access(
            tls_ca=tls_ca, tls_cert=tls_cert, tls_key=tls_key, token_file=token_file
        )
        return command(*args, access=access, **kwargs)

    return _with_options(with_access, _ACCESS)


def client_options(command: Command) -> Command:
    """Add the options that name a model; the command gets `client`, a `SeparationClient`."""

    @functools.wraps(command)
    def with_client(
        *args: Any, server: Any, model: Any, label: Any, version: Any, access: Any, **kwargs: Any
    ) -> Any:
        with SeparationClient(server, model, label=label, version=version, access=access) as client:
            return command(*args, client=client, **kwargs)

    return _with_options(access_options(with_client), _ONE_MODEL)


def wait_option(default: float, most: float, what: str) -> Callable[[Command], Command]:
    """Return the option `--wait`.

    Args:
        default: seconds.
        most: seconds that may be given.
        what: what is waited for.
    """
    return click.option(
        "--wait",
        type=Real(0.01, most),
        default=default,
        show_default=True,
        help=f"Seconds to wait for {what}.",
    )


def _with_options(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
