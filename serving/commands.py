"""The group of all commands of `python -m serving`."""

import os

import click

from data_prep.cli import Commands, prepare_libraries
from serving.comparison.commands import compare, mix
from serving.config.commands import configure, promote_version, roll_back_label
from serving.separation.commands import separate
from serving.server.commands import serve
from serving.status import status
from serving.studio.commands import studio


@click.group(cls=Commands, resumable=("separate",))
def main() -> None:
    """Serve a model that separates videos into layers, and send it videos."""
    prepare_libraries()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


for command in (
    compare,
    configure,
    mix,
    promote_version,
    roll_back_label,
    separate,
    serve,
    status,
    studio,
):
    main.add_command(command)
