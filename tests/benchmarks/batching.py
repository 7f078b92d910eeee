"""CPU time of a clip alone and in a batch: what joining requests could save the server.

    python tests/benchmarks/batching.py --model out/serving/controlled-separator/VERSION

The sizes take turns, so that other work on the machine hits all of them. CPU time counts, because
it is what limits the throughput of concurrent requests.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import click
import numpy as np

from data_prep.cli import prepare_libraries

THREADS = 2
WARM_UP = 2


@click.command()
@click.option("--model", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--sizes", default=(1, 4, 8), multiple=True, show_default=True)
@click.option("--clips", default=64, show_default=True, help="Clips per size and round.")
@click.option("--rounds", default=5, show_default=True)
def main(model: Path, sizes: tuple[int, ...], clips: int, rounds: int) -> None:
    """Print the median milliseconds of CPU per clip of each batch size."""
    prepare_libraries()
    from tensorflow import make_tensor_proto
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    from data_prep.default_outputs import default_outputs
    from serving.server.batcher import Batcher
    from serving.server.limits import InputLimits
    from serving.server.loaded_model import SavedModel
    from serving.signature import DEFAULT

    limits = InputLimits(batch=max(sizes), size=2**31)
    loaded = SavedModel(model, limits, Batcher(THREADS, largest=1))
    signature = loaded.signatures[DEFAULT]
    rng = np.random.default_rng(0)
    requests = {}
    for size in sizes:
        request = PredictRequest(output_filter=default_outputs(signature.outputs))
        for name, spec in signature.inputs.items():
            values = rng.uniform(0, 1 if spec.dtype.kind == "f" else 255, (size, *spec.shape[1:]))
            request.inputs[name].CopyFrom(make_tensor_proto(values.astype(spec.dtype)))
        requests[size] = request

    def cpu_ms(size: int, calls: int) -> float:
        with ThreadPoolExecutor(THREADS) as threads:
            before = time.process_time()
            for done in [threads.submit(loaded.predict, requests[size]) for _ in range(calls)]:
                done.result()
            return (time.process_time() - before) / (calls * size) * 1e3

    for size in sizes:
        cpu_ms(size, WARM_UP)
    found = [{size: cpu_ms(size, clips // size) for size in sizes} for _ in range(rounds)]
    for size in sizes:
        print(f"batch {size}: {median(times[size] for times in found):.1f} ms of CPU per clip")


if __name__ == "__main__":
    main()
