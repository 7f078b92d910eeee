"""The command `python -m serving studio`."""

import importlib.util
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from data_prep.errors import UserError
from data_prep.options import NAME, Whole
from serving.client import SeparationClient
from serving.client_options import client_options
from serving.studio.listener import address_of, listening

_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    # Never: Gradio's statistics of its events need a newer pandas than TFX's.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(2**62),
}


@click.command()
@client_options
@click.option(
    "--host", type=NAME, default="127.0.0.1", show_default=True, help="Address to listen on."
)
@click.option(
    "--port",
    type=Whole(0, 65535),
    default=7860,
    show_default=True,
    help="Port of the page, 0 for any free one.",
)
@click.option(
    "--max-mib",
    type=Whole(1, 2**20),
    default=2048,
    show_default=True,
    help="MiB of a file that may be dropped.",
)
def studio(client: SeparationClient, host: str, port: int, max_mib: int) -> None:
    """Serve a page to try a model on.

    Drop a video on it, or two to be mixed. It plays the layers, and shows which of them audio
    selects. Ctrl-C ends it.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UserError("studio: must be installed as the extra `studio`, got no Gradio")
    with listening(host, port) as listener, TemporaryDirectory(prefix="studio-") as folder:
        os.environ.update(_SETTINGS, GRADIO_TEMP_DIR=folder)
        # Gradio reads them when it is loaded, which takes seconds; what is wrong is said before.
        from serving.studio.web import run

        address = address_of(listener)
        run(
            client,
            listener,
            Path(folder),
            max_mib * 2**20,
            lambda: click.echo(f"studio at http://{address}"),
        )
