"""Status codes and memory of a server that gets malformed and hostile requests.

    python tests/benchmarks/serving/hostile.py --requests 10000

Half of the requests are a good one with damaged bytes; the others are random bytes, and messages
that claim enormous, negative or overflowing shapes, hold the wrong dtype, or are too large. A good
request among them now and then must be answered as usual.
"""

import time
from collections import Counter
from pathlib import Path

import click
import grpc
import numpy as np
from served import Served, model_option, request_of, served
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from data_prep.cli import prepare_libraries

BETWEEN = 250
"""Hostile requests between two good ones."""
USUAL = 20
"""Good requests beforehand, whose median is the usual time."""
CLAIMS = ([2**40], [2**62, 2**62], [-1, 8], [1, 2**31, 2**31, 3], [0] * 300, [1] * 100_000)
"""Shapes that a few bytes can claim."""


def damaged(good: bytes, rng: np.random.Generator) -> bytes:
    """Change, insert, delete or cut off bytes, mostly near the start."""
    message = bytearray(good)
    for _ in range(rng.integers(1, 4)):
        place = int(len(message) * rng.random() ** 6)
        removed = int(rng.choice([0, 1, 5, len(message)], p=[0.4, 0.3, 0.2, 0.1]))
        message[place : place + removed] = rng.bytes(int(rng.integers(0, 9)))
    return bytes(message)


def claiming(good: bytes, rng: np.random.Generator) -> bytes:
    """Claim a shape without its values."""
    request = PredictRequest.FromString(good)
    tensor = request.inputs["video"]
    tensor.ClearField("tensor_content")
    tensor.ClearField("tensor_shape")
    for size in CLAIMS[rng.integers(len(CLAIMS))]:
        tensor.tensor_shape.dim.add(size=size)
    if rng.random() < 0.5:
        tensor.int_val.append(1)  # which TensorFlow repeats to fill the shape
    return request.SerializeToString()


def mistyped(good: bytes, rng: np.random.Generator) -> bytes:
    """Give any number as the dtype, those of references, resources and variants among them."""
    request = PredictRequest.FromString(good)
    request.inputs["video"].dtype = int(rng.choice([0, 1, 7, 8, 19, 20, 21, 101, 104, 120, 9999]))
    return request.SerializeToString()


def oversized(good: bytes, rng: np.random.Generator) -> bytes:
    """Exceed the largest request."""
    return good + bytes(70 * 2**20) if rng.random() < 0.01 else mistyped(good, rng)


def random_bytes(good: bytes, rng: np.random.Generator) -> bytes:
    """Send no message at all."""
    return rng.bytes(int(rng.integers(1, 4096)))


KINDS = (damaged, claiming, mistyped, oversized, random_bytes)
SHARES = (0.5, 0.2, 0.1, 0.1, 0.1)


def attack(server: Served, good: bytes, requests: int, rng: np.random.Generator) -> None:
    """Send the requests one after the other, and print what came back."""
    codes: Counter[str] = Counter()
    with server.predict() as predict:

        def seconds_of_good() -> float:
            started = time.perf_counter()
            predict(good)
            return time.perf_counter() - started

        usual = float(np.median([seconds_of_good() for _ in range(USUAL)]))
        before, among = server.memory_mib(), []
        for number in range(requests):
            if number % BETWEEN == BETWEEN - 1:
                among.append(seconds_of_good())
            kind = KINDS[rng.choice(len(KINDS), p=SHARES)]
            try:
                predict(kind(good, rng))
                codes["OK"] += 1
            except grpc.RpcError as error:
                codes[error.code().name] += 1
    click.echo(f"answers: {dict(codes.most_common())}")
    click.echo(
        f"memory {before:.0f} MiB before, {server.memory_mib():.0f} MiB after, "
        f"{server.memory_mib('VmHWM'):.0f} MiB at most"
    )
    click.echo(
        f"a good request takes {1000 * usual:.0f} ms, and among them a median of "
        f"{1000 * np.median(among):.0f} ms and at most {1000 * max(among):.0f} ms"
    )


@click.command()
@model_option
@click.option("--requests", default=10_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(model: Path | None, requests: int, seed: int) -> None:
    """Print the figures."""
    prepare_libraries()
    with served(model) as server:
        attack(server, request_of(server), requests, np.random.default_rng(seed))


if __name__ == "__main__":
    main()
