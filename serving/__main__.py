"""Commands: `python -m serving serve` and `python -m serving separate`."""

import os
from pathlib import Path

import click

from data_prep.cli import Commands, prepare_libraries


@click.group(cls=Commands)
def main() -> None:
    """Serve a model that takes videos apart, and have it do so."""


@main.command()
@click.option(
    "--model",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder that holds a folder a version, as the pipeline pushes them.",
)
@click.option("--port", required=True, type=click.IntRange(0, 65535), help="0: one that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--model-name", default="separator", show_default=True, help="Name in requests.")
@click.option(
    "--poll-seconds",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How often to look for a newer version.",
)
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Predictions at once; more wait.",
)
def serve(folder: Path, **settings) -> None:
    """Serve the newest version of a model by TensorFlow Serving's gRPC interface.

    A newer version is picked up without a restart. Ends on SIGTERM or Ctrl-C.
    """
    _quiet()
    from serving.versions import require_version

    require_version(folder)

    from serving import server

    server.serve(folder, name=settings.pop("model_name"), report=click.echo, **settings)


@main.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--server", default="127.0.0.1:8500", show_default=True, help="HOST:PORT.")
@click.option("--model", default="separator", show_default=True, help="The server's name for it.")
@click.option(
    "--start", type=float, help="Where the window begins, in seconds. [default: in the middle]"
)
@click.option(
    "--audio",
    type=click.Path(path_type=Path),
    help="File whose sound says which output is wanted. [default: the video's own sound]",
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="A new or empty folder."
)
@click.option(
    "--wait",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that the server may take to answer, and then to load the model.",
)
def separate(
    video: Path,
    server: str,
    model: str,
    start: float | None,
    audio: Path | None,
    output: Path,
    wait: float,
) -> None:
    """Take a window of VIDEO apart, and write each output as a video and all as a picture."""
    _quiet()
    from data_prep.media.reading import probe
    from serving import separate as separating
    from serving.channel import answers, require_server
    from serving.client import Client

    # What can be told at once is told before the server is waited for.
    probe(video)
    separating.require_free(output)
    if not answers(server, seconds=min(1, wait)):
        click.echo(f"waiting up to {wait:g} s for a server at {server}", err=True)
        require_server(server, seconds=wait)

    with Client(server, model) as client:
        if not client.ready():
            click.echo(f"waiting up to {wait:g} s for {model} at {server}", err=True)
            client.wait_ready(wait)
        separation = separating.separate(client, video, start=start, audio=audio)
    written = separating.write(separation, output)
    end = separation.start + separation.config.seconds
    click.echo(f"{video}, {separation.start:.2f} to {end:.2f} s, taken apart into {output}:")
    for name, what in written:
        click.echo(f"  {name:<18}{what}")
    if separation.cue is not None and not separation.cue.any():
        click.echo("The cue is silent there, so the choice means little.")


def _quiet() -> None:
    """Keep libraries' notices off the screen: errors are told in our own words."""
    prepare_libraries()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


if __name__ == "__main__":
    main(prog_name="python -m serving")
