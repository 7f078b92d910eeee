"""The command that starts a worker pool."""

import threading
from contextlib import suppress
from functools import partial

import click

from data_prep.options import NAME, Whole


@click.command("worker-pool")
@click.option(
    "--host",
    type=NAME,
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Whoever reaches it can run any code here.",
)
@click.option("--port", type=Whole(0, 65_535), default=15_001, show_default=True, help="Port.")
def worker_pool(host: str, port: int) -> None:
    """Start Python workers for an engine such as Flink; each of its machines needs one pool.

    Give `generate` the pool's address with `--environment_type=EXTERNAL` and
    `--environment_config=HOST:PORT`. SIGTERM or Ctrl-C ends the pool and its workers.
    """
    from data_prep.engines.worker_pool import worker_pool as run  # loads Beam

    with suppress(KeyboardInterrupt), run(host, port, partial(click.echo, err=True)):
        threading.Event().wait()
