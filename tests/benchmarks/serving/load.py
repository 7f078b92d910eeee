"""Latency and throughput of a server at 1 to 16 clients, and through version swaps.

    python tests/benchmarks/serving/load.py
    python tests/benchmarks/serving/load.py --clients 8 --requests 1000 --swaps 5

Each client sends one clip after the other and asks for what the client library asks for. With
swaps, a new version appears whenever the same share of the requests has been answered, so that the
first and the last requests find no swap under way.
"""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import grpc
import numpy as np
from served import Served, model_option, request_of, served

from data_prep.cli import prepare_libraries

WARM_UP = 5
"""Requests that are sent first, and not measured."""
DIRECT_CALLS = 20


class Load:
    """Sends requests from several clients until a number of them is answered."""

    def __init__(self, server: Served, request: bytes, clients: int, requests: int) -> None:
        self.server, self.request, self.clients = server, request, clients
        self.left = requests
        self.seconds: list[float] = []
        self.failures: Counter[str] = Counter()
        self.answer_bytes = 0
        self.lock = threading.Lock()

    def run(self, swaps: int = 0) -> float:
        """Send everything; return the seconds that it took."""
        total, started = self.left, time.perf_counter()
        with ThreadPoolExecutor(self.clients) as pool:
            done = [pool.submit(self._send) for _ in range(self.clients)]
            for swap in range(1, swaps + 1):
                while self.left > total * (1 - swap / (swaps + 1)):
                    time.sleep(0.01)
                self.server.add_version()
            for each in done:
                each.result()
        return time.perf_counter() - started

    def _send(self) -> None:
        with self.server.predict() as predict:
            while self._take():
                started = time.perf_counter()
                try:
                    answer = predict(self.request)
                except grpc.RpcError as error:
                    with self.lock:
                        self.failures[error.code().name] += 1
                    continue
                with self.lock:
                    self.seconds.append(time.perf_counter() - started)
                    self.answer_bytes += len(answer)

    def _take(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0


def direct_seconds(version: Path, message: bytes, calls: int) -> float:
    """Return the median seconds of the same call in this process, without a server."""
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    request = PredictRequest.FromString(message)
    tensors = {name: tf.constant(tf.make_ndarray(x)) for name, x in request.inputs.items()}
    model = tf.saved_model.load(str(version))
    signature, names = model.signatures["serving_default"], list(request.output_filter)

    @tf.function
    def call() -> list[tf.Tensor]:
        answer = signature(**tensors)
        return [answer[name] for name in names]

    seconds = []
    for _ in range(WARM_UP + calls):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[WARM_UP:]))


@click.command()
@model_option
@click.option("--clients", "counts", multiple=True, type=int, default=(1, 2, 4, 8, 16))
@click.option("--requests", default=200, show_default=True, help="For each number of clients.")
@click.option("--swaps", default=0, show_default=True, help="Version swaps meanwhile.")
@click.option("--join", default=4, show_default=True, help="The server's --join.")
def main(model: Path | None, counts: tuple[int, ...], requests: int, swaps: int, join: int) -> None:
    """Print the figures."""
    prepare_libraries()
    with served(model, "--poll-seconds", "0.2", "--queue", "256", "--join", str(join)) as server:
        request = request_of(server)
        direct = direct_seconds(server.version, request, DIRECT_CALLS)
        click.echo(f"the signature, called directly: median {1000 * direct:.0f} ms")
        Load(server, request, 1, WARM_UP).run()
        for clients in counts:
            load = Load(server, request, clients, requests)
            seconds = load.run(swaps)
            p50, p95, p99 = 1000 * np.quantile(load.seconds, (0.5, 0.95, 0.99))
            megabytes = len(request) / 1e6, load.answer_bytes / len(load.seconds) / 1e6
            click.echo(
                f"{clients} clients: median {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, "
                f"{len(load.seconds) / seconds:.2f} requests/s, {megabytes[0]:.2f} MB there, "
                f"{megabytes[1]:.2f} MB back, failed {dict(load.failures) or 'none'}, "
                f"memory {server.memory_mib():.0f} MiB"
            )


if __name__ == "__main__":
    main()
