"""The command `python -m serving serve`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from data_prep.options import LOCAL_PLACE, NAME, Real, Whole
from serving.client_options import DEFAULT_MODEL
from serving.server.config_source import ConfigFile, ConfigSource, SingleModel
from serving.server.settings import ServerSettings
from serving.versions import find_versions

_Command = Callable[..., Any]


def _setting(name: str, text: str) -> Callable[[_Command], _Command]:
    """Return the option of a setting, with its default and its range."""
    field = ServerSettings.model_fields[name]
    # A default of None would count as a value of a required option.
    default = {"required": True} if field.is_required() else {"default": field.default}
    return click.option(
        f"--{name.replace('_', '-')}",
        type=_type(field),
        show_default=True,  # which None does not have
        help=text,
        **default,
    )


def _type(field: FieldInfo) -> click.ParamType:
    kinds = {field.annotation, *get_args(field.annotation)}
    if Path in kinds:
        return LOCAL_PLACE
    if str in kinds:
        return NAME
    [low] = (rule.ge for rule in field.metadata if isinstance(rule, Ge))
    [high] = (rule.le for rule in field.metadata if isinstance(rule, Le))
    return Whole(low, high) if int in kinds else Real(low, high)  # type: ignore[arg-type]


@click.command()
@click.option(
    "--model",
    "folder",
    type=LOCAL_PLACE,
    help="Folder of one model, with one subfolder per version, as the pipeline pushes them.",
)
@click.option(
    "--models-config",
    "config_file",
    type=LOCAL_PLACE,
    metavar="FILE",
    help="TensorFlow Serving's models.config instead: several models, version policies, labels.",
)
@_setting("port", "0 for any free port.")
@_setting("host", "Address to listen on.")
@click.option(
    "--model-name",
    type=NAME,
    default=DEFAULT_MODEL,
    show_default=True,
    help="Name of --model in requests.",
)
@_setting("poll_seconds", "Seconds between two checks for other versions, and of --models-config.")
@_setting("workers", "Predictions at the same time; more have to wait.")
@_setting("queue", "Predictions that wait; more are refused as RESOURCE_EXHAUSTED.")
@_setting("join", "Clips of waiting requests that are computed as one batch; 1 to join none.")
@_setting("max_batch", "Videos per request.")
@_setting("max_mib", "MiB of a request, and of each of its inputs.")
@_setting("grace", "Seconds that running predictions get to finish when the server ends.")
@_setting(
    "rest_port",
    "Port of TensorFlow Serving's REST interface, 0 for any free one. [default: no REST]",
)
@_setting(
    "metrics_port",
    "Port of the metrics for Prometheus, 0 for any free one; without TLS and token. "
    "[default: no metrics]",
)
@_setting("tls_cert", "PEM file of the server's certificate.")
@_setting("tls_key", "PEM file of its private key.")
@_setting(
    "tls_client_ca",
    "PEM file of the authorities of clients' certificates, which are then required.",
)
@_setting("token_file", "File with a token that clients must send, as authorization: Bearer TOKEN.")
def serve(folder: Path | None, config_file: Path | None, model_name: str, **settings: Any) -> None:
    """Serve models over TensorFlow Serving's interface.

    --model serves the newest version of one model. A newer version replaces it without a restart,
    and an empty folder is waited for. SIGTERM or Ctrl-C ends the server: running predictions
    finish, and those that wait are refused.
    """
    source = _config_source(folder, config_file, model_name)
    # TensorFlow takes seconds to load, and the source is checked without it.
    from serving.server.process import serve as run_server

    run_server(source, ServerSettings(**settings), click.echo)


def _config_source(folder: Path | None, config_file: Path | None, model_name: str) -> ConfigSource:
    """Return what to serve, which exists."""
    if folder is not None and config_file is None:
        path = folder.resolve()
        find_versions(path)
        return SingleModel(model_name, path)
    if config_file is not None and folder is None:
        source = ConfigFile(config_file.resolve())
        source.read()
        return source
    raise click.UsageError("serve must have either --model or --models-config.")
