"""How fast a training step and inference are, under whichever backend Keras runs on."""

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import ops

from models.networks.i3d import cross_entropy
from models.precision import check
from models.presets import Preset
from models.systems import CLASSIFIER, SYSTEMS
from models.tasks.separation import Separator
from models.tools.cost import build, forward_flops

WARM_UP = 2

# Backward computes two gradients, of the weights and of the inputs, each as dear as forward.
TRAINING_PASSES = 3


@dataclass(frozen=True)
class Timing:
    """The speed of one thing that is done with a batch.

    Attributes:
        name: `training step` or `inference`.
        seconds: of a batch, the median.
        clips: clips a second.
        flops: floating-point operations a second.
    """

    name: str
    seconds: float
    clips: float
    flops: float


def benchmark(name: str, preset: Preset, *, batch: int, precision: str, steps: int) -> list[Timing]:
    """Time a network on synthetic clips.

    A training step is forward, losses, backward and Adam's update. Inference is forward, and
    ends when the results lie in the host's memory. The clips lie on the device beforehand.

    Args:
        name: a system, or `i3d`.
        preset: its size.
        batch: clips a batch.
        precision: Keras's dtype policy.
        steps: batches that are timed, after some for warming up.

    Returns:
        The timings of a training step, where there is anything to train, and of inference.

    Raises:
        UserError: there is no such network, or TensorFlow cannot compute it in this precision.
    """
    if keras.backend.backend() == "tensorflow":
        check(precision, preset, gpu=_has_gpu())
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    network = build(name, preset)
    flops = batch * forward_flops(network)
    model, x, y = _trainable(name, network, preset, batch)
    on_cpu = keras.backend.backend() == "tensorflow" and not _has_gpu()
    # XLA's 3-D convolutions are 25 times slower than TensorFlow's on a CPU.
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4),
        loss=None if y is None else {"logits": cross_entropy},
        jit_compile=False if on_cpu else "auto",
    )
    timings = []
    if network.trainable_weights:
        seconds = _median_seconds(partial(model.train_on_batch, x, y), steps)
        speed = TRAINING_PASSES * flops / seconds
        timings.append(Timing("training step", seconds, batch / seconds, speed))
    seconds = _median_seconds(partial(model.predict_on_batch, x), steps)
    return [*timings, Timing("inference", seconds, batch / seconds, flops / seconds)]


def matrix_rate(precision: str) -> float:
    """Measure what a network can reach at best: the machine's speed on a plain matrix product.

    Args:
        precision: Keras's dtype policy, whose computations' type the matrices have.

    Returns:
        Floating-point operations a second.
    """
    dtype = keras.dtype_policies.get(precision).compute_dtype
    size = 8192 if _has_gpu() else 2048
    factor = ops.ones((size, size), dtype)
    # To read a number waits for the product.
    seconds = _median_seconds(
        lambda: float(ops.cast(ops.matmul(factor, factor)[0, 0], "float32")), 10
    )
    return 2 * size**3 / seconds


def peak_memory() -> dict[str, int]:
    """Return the peak memory of this process so far, in bytes: `host`, and `device` if known."""
    # Linux counts in KiB.
    peaks = {"host": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    device = _device_peak()
    return peaks if device is None else {**peaks, "device": device}


def _trainable(name, network, preset, batch):
    """Return a model with its losses, and a batch for it."""
    clip = preset.clip
    rng = np.random.default_rng(0)
    shape = (batch, clip.frames, clip.height, clip.width)
    if name == CLASSIFIER:
        video = rng.uniform(-1, 1, (*shape, 3)).astype(np.float32)
        labels = rng.integers(0, preset.classes, batch)
        return network, {"video": ops.convert_to_tensor(video)}, ops.convert_to_tensor(labels)
    records = {
        "v1": rng.integers(0, 256, (*shape, 3), np.uint8),
        "v2": rng.integers(0, 256, (*shape, 3), np.uint8),
        "alpha": np.full((*shape, 1), 0.5, np.float32),
        "sound1": rng.uniform(-1, 1, (batch, clip.samples)).astype(np.float32),
    }
    records = {key: ops.convert_to_tensor(value) for key, value in records.items()}
    return Separator(network, SYSTEMS[name]), records, None


def _median_seconds(run: Callable[[], object], steps: int) -> float:
    seconds = []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[WARM_UP:])


def _has_gpu() -> bool:
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.is_available()
    return bool(keras.distribution.list_devices("gpu"))


def _device_peak() -> int | None:
    match keras.backend.backend():
        case "tensorflow" if _has_gpu():
            import tensorflow as tf

            return tf.config.experimental.get_memory_info("GPU:0")["peak"]
        case "jax":
            import jax

            return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
        case "torch":
            import torch

            return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return None
