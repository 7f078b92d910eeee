"""The command `python -m serving serve`, and the group of all commands."""

import os
from pathlib import Path
from typing import Any

import click

from data_prep.cli import Commands, prepare_libraries
from data_prep.options import LOCAL_PLACE, NAME, Real, Whole
from serving.comparison.commands import compare, mix
from serving.config.commands import configure, promote_version, roll_back_label
from serving.separation.commands import separate
from serving.server.config_source import ConfigFile, ConfigSource, SingleModel
from serving.status import status
from serving.studio.commands import studio
from serving.versions import find_versions

DAY = 86_400.0  # seconds


@click.group(cls=Commands, resumable=("separate",))
def main() -> None:
    """Serve a model that separates videos into layers, and send it videos."""
    prepare_libraries()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


@main.command()
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
@click.option("--port", required=True, type=Whole(0, 65535), help="0 for any free port.")
@click.option(
    "--host", type=NAME, default="127.0.0.1", show_default=True, help="Address to listen on."
)
@click.option(
    "--model-name",
    type=NAME,
    default="separator",
    show_default=True,
    help="Name of --model in requests.",
)
@click.option(
    "--poll-seconds",
    default=1.0,
    show_default=True,
    type=Real(0.01, DAY),
    help="Seconds between two checks for other versions, and of --models-config.",
)
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=Whole(1, 1_000),
    help="Predictions at the same time; more have to wait.",
)
@click.option(
    "--queue",
    default=64,
    show_default=True,
    type=Whole(0, 10_000),
    help="Predictions that wait; more are refused as RESOURCE_EXHAUSTED.",
)
@click.option(
    "--join",
    default=4,
    show_default=True,
    type=Whole(1, 1_000),
    help="Clips of waiting requests that are computed as one batch; 1 to join none.",
)
@click.option(
    "--max-batch", default=32, show_default=True, type=Whole(1, 2**31), help="Videos per request."
)
@click.option(
    "--max-mib",
    default=64,
    show_default=True,
    type=Whole(1, 2047),
    help="MiB of a request, and of each of its inputs.",
)
@click.option(
    "--grace",
    default=30.0,
    show_default=True,
    type=Real(0, DAY),
    help="Seconds that running predictions get to finish when the server ends.",
)
@click.option(
    "--rest-port",
    type=Whole(0, 65535),
    help="Port of TensorFlow Serving's REST interface, 0 for any free one. [default: no REST]",
)
@click.option(
    "--metrics-port",
    type=Whole(0, 65535),
    help="Port of the metrics for Prometheus, 0 for any free one. [default: no metrics]",
)
@click.option("--tls-cert", type=LOCAL_PLACE, help="PEM file of the server's certificate.")
@click.option("--tls-key", type=LOCAL_PLACE, help="PEM file of its private key.")
@click.option(
    "--tls-client-ca",
    type=LOCAL_PLACE,
    help="PEM file of the authorities of clients' certificates, which are then required.",
)
@click.option(
    "--token-file",
    type=LOCAL_PLACE,
    help="File with a token that clients must send, as authorization: Bearer TOKEN.",
)
def serve(folder: Path | None, config_file: Path | None, model_name: str, **settings: Any) -> None:
    """Serve models over TensorFlow Serving's interface.

    --model serves the newest version of one model. A newer version replaces it without a restart,
    and an empty folder is waited for. SIGTERM or Ctrl-C ends the server: running predictions
    finish, and those that wait are refused.
    """
    source = _config_source(folder, config_file, model_name)
    # TensorFlow takes seconds to load, and the source is checked without it.
    from serving.server.process import serve as run_server
    from serving.server.settings import ServerSettings

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


for command in (
    compare,
    configure,
    mix,
    promote_version,
    roll_back_label,
    separate,
    status,
    studio,
):
    main.add_command(command)
