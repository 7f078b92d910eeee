"""The commands `python -m serving serve` and `python -m serving separate`."""

import os
from pathlib import Path
from typing import Any

import click

from data_prep import storage
from data_prep.cli import Commands, prepare_libraries
from data_prep.errors import UserError
from data_prep.media.probe import probe
from data_prep.options import LOCAL_PLACE, NAME, PLACE, Real, Whole
from data_prep.storage.outputs import require_folder_output
from serving import separate as separating
from serving.channel import answers, open_channel, require_server
from serving.client import Client
from serving.config.commands import configure, promote_version, roll_back_label
from serving.versions import find_versions

DAY = 86_400.0  # seconds


@click.group(cls=Commands)
def main() -> None:
    """Serve a model that separates videos into layers, and send it videos."""
    prepare_libraries()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


@main.command()
@click.option(
    "--model",
    "folder",
    required=True,
    type=LOCAL_PLACE,
    help="Folder with one subfolder per version, as the pipeline pushes them.",
)
@click.option("--port", required=True, type=Whole(0, 65535), help="0 for any free port.")
@click.option(
    "--host", type=NAME, default="127.0.0.1", show_default=True, help="Address to listen on."
)
@click.option(
    "--model-name", type=NAME, default="separator", show_default=True, help="Name in requests."
)
@click.option(
    "--poll-seconds",
    default=1.0,
    show_default=True,
    type=Real(0.01, DAY),
    help="Seconds between two checks for a newer version.",
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
def serve(folder: Path, model_name: str, **settings: Any) -> None:
    """Serve the newest version of a model over TensorFlow Serving's gRPC interface.

    A newer version replaces it without a restart, and an empty folder is waited for. SIGTERM or
    Ctrl-C ends the server: running predictions finish, and those that wait are refused.
    """
    path = folder.resolve()
    find_versions(path)
    # TensorFlow takes seconds to load, and the folder is checked without it.
    from serving.server.process import serve as run_server
    from serving.server.settings import ServerSettings

    run_server(path, ServerSettings(name=model_name, **settings), click.echo)


@main.command()
@click.argument("video", type=PLACE)
@click.option("--server", type=NAME, default="127.0.0.1:8500", show_default=True, help="HOST:PORT.")
@click.option(
    "--model",
    type=NAME,
    default="separator",
    show_default=True,
    help="The server's name for the model.",
)
@click.option(
    "--start",
    type=Real(0, 30 * DAY),
    help="Start of the window in seconds. [default: the middle window]",
)
@click.option(
    "--audio",
    type=PLACE,
    help="File whose audio selects the output. [default: the video's own audio]",
)
@click.option("--output", type=PLACE, required=True, help="A new or empty folder.")
@click.option(
    "--wait",
    default=60.0,
    show_default=True,
    type=Real(0.01, DAY),
    help="Seconds to wait for the server, and then for the model.",
)
def separate(
    video: str,
    server: str,
    model: str,
    start: float | None,
    audio: str | None,
    output: str,
    wait: float,
) -> None:
    """Separate a window of VIDEO into layers, written as videos and a contact sheet."""
    # Errors in the arguments come before a server that may take a minute to start.
    open_channel(server).close()
    with storage.local_copy(video) as path:
        duration = probe(path, decode=False).duration
    if audio is not None and not storage.is_file(audio):
        raise UserError(f"--audio: must be a file, got {audio}")
    storage.require_new(output, "--output")
    require_folder_output(output)
    if not answers(server, seconds=min(1, wait)):
        click.echo(f"waiting up to {wait:g} s for a server at {server}", err=True)
        require_server(server, seconds=wait)

    with Client(server, model) as client:
        if not client.ready():
            click.echo(f"waiting up to {wait:g} s for {model} at {server}", err=True)
            client.wait_ready(wait)
        separation = separating.separate(client, video, start=start, audio=audio, duration=duration)
    written = separating.write(separation, output)
    end = separation.start + separation.config.seconds
    click.echo(f"{video}, {separation.start:.2f} to {end:.2f} s, separated in {output}:")
    for name, description in written:
        click.echo(f"  {name:<18}{description}")
    if separation.cue is not None and not separation.cue.any():
        click.echo("The cue is silent in this window, so the choice is not meaningful.")


for command in (configure, promote_version, roll_back_label):
    main.add_command(command)
