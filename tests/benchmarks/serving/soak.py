"""Memory of a server over many requests and version swaps.

    python tests/benchmarks/serving/soak.py --minutes 60

Two clients send good requests all the time, and a new version appears every ten minutes.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from served import Served, model_option, request_of, served

from data_prep.cli import prepare_libraries

CLIENTS = 2
MINUTES_BETWEEN_SWAPS = 10
SAMPLES = 12


@click.command()
@model_option
@click.option("--minutes", default=60.0, show_default=True)
def main(model: Path | None, minutes: float) -> None:
    """Print the memory over time."""
    prepare_libraries()
    with served(model) as server, ThreadPoolExecutor(CLIENTS) as pool:
        request, stop = request_of(server), threading.Event()
        clients = [pool.submit(_send, server, request, stop) for _ in range(CLIENTS)]
        started, swaps = time.monotonic(), 0
        try:
            for sample in range(1, SAMPLES + 1):
                time.sleep(max(0, started + 60 * minutes * sample / SAMPLES - time.monotonic()))
                passed = (time.monotonic() - started) / 60
                click.echo(f"{passed:.1f} min: {server.memory_mib():.0f} MiB, {swaps} swaps")
                if passed >= (swaps + 1) * MINUTES_BETWEEN_SWAPS:
                    server.add_version()
                    swaps += 1
        finally:
            stop.set()
        click.echo(f"{sum(client.result() for client in clients)} requests answered")


def _send(server: Served, request: bytes, stop: threading.Event) -> int:
    """Send requests until told to stop; return their number."""
    answered = 0
    with server.predict() as predict:
        while not stop.is_set():
            predict(request)
            answered += 1
    return answered


if __name__ == "__main__":
    main()
