"""The command `python -m serving status`."""

import click

from serving.client import SeparationClient
from serving.client_options import client_options
from serving.description import ModelDescription
from serving.errors import ServingError
from serving.signature import DEFAULT

NOT_SERVING = 1
"""Exit code if the model takes no requests."""


@click.command()
@client_options
@click.pass_context
def status(context: click.Context, client: SeparationClient) -> None:
    """Print whether a model takes requests, its versions, and what it takes.

    The exit code is 0 only if it takes requests.
    """
    versions = client.versions()
    serves = client.ready()
    click.echo(f"{client.where}: {'takes' if serves else 'does not take'} requests")
    click.echo(f"health: {client.health() or 'not offered by this server'}")
    for version in versions:
        click.echo(str(version))
    if not serves:
        context.exit(NOT_SERVING)
    click.echo(f"version that answers: {client.served_version()}")
    for line in _description(client):
        click.echo(line)


def _description(client: SeparationClient) -> list[str]:
    """Return lines about what the model takes and returns."""
    signature = client.signatures()[DEFAULT]
    lines = [f"input {name}: {spec}" for name, spec in sorted(signature.inputs.items())]
    lines += [f"output {name}: {spec}" for name, spec in sorted(signature.outputs.items())]
    try:
        return [*_words(client.description()), *lines]
    except ServingError:
        return ["it does not describe itself, so it was not exported by this project", *lines]


def _words(found: ModelDescription) -> list[str]:
    clip = found.clip
    return [
        f"model: {found.kind}, system {found.system}, "
        + (f"control by audio ({found.control})" if found.uses_audio else "no control by audio"),
        f"clips: {clip.frames} frames of {clip.width}x{clip.height} at {clip.fps:g} per second, "
        f"{clip.seconds:.2f} s",
    ]
