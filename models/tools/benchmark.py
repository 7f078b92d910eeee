"""The speed of a training step and of inference, under whichever backend Keras uses."""

import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import ops

from data_prep.errors import UserError
from models.config import ModelConfig
from models.precision import check
from models.presets import get_preset
from models.systems import get_system
from models.tools.cost import activation_bytes, forward_flops
from models.typing import Tensor

WARM_UP = 2

# The backward pass computes two gradients, of the weights and of the inputs; each costs as much
# as the forward pass.
TRAINING_PASSES = 3


@dataclass(frozen=True)
class Timing:
    """The speed of one operation on a batch.

    Attributes:
        name: `training step` or `inference`.
        seconds: median duration.
        clips: clips per second.
        flops: floating-point operations per second.
    """

    name: str
    seconds: float
    clips: float
    flops: float


def benchmark(config: ModelConfig, *, batch: int, precision: str, steps: int) -> list[Timing]:
    """Time a system on synthetic clips that are already on the device.

    A training step is forward, losses, backward and Adam's update. Inference is forward, until the
    results are in the host's memory.

    Args:
        config: the system and its size.
        batch: clips per batch.
        precision: Keras's dtype policy.
        steps: batches to time, after a warm-up.

    Returns:
        The timing of a training step, if there is anything to train, and of inference.

    Raises:
        UserError: TensorFlow cannot compute the network in this precision, or the batch cannot fit
            in this machine's memory.
    """
    system, preset = get_system(config.system), get_preset(config.preset)
    if keras.backend.backend() == "tensorflow":
        check(precision, preset, gpu=_has_gpu())
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    labels = [f"class {number}" for number in range(preset.classes)]
    model = system.task.build(system, config, preset.clip, labels)
    if not _has_gpu():
        _check_memory(batch, activation_bytes(model.network))
    on_cpu = keras.backend.backend() == "tensorflow" and not _has_gpu()
    # XLA's 3-D convolutions are 25 times slower than TensorFlow's on a CPU.
    model.compile(optimizer=keras.optimizers.Adam(1e-4), jit_compile=False if on_cpu else "auto")
    examples = model.select(_synthetic_batch(config, batch))
    flops = batch * forward_flops(model.network)
    timings = []
    if model.trainable_weights:
        seconds = _median_seconds(partial(model.train_on_batch, examples), steps)
        speed = TRAINING_PASSES * flops / seconds
        timings.append(Timing("training step", seconds, batch / seconds, speed))
    seconds = _median_seconds(partial(model.predict_on_batch, examples), steps)
    return [*timings, Timing("inference", seconds, batch / seconds, flops / seconds)]


def matrix_rate(precision: str) -> float:
    """Measure the machine's speed on a plain matrix product, an upper limit for networks.

    Args:
        precision: Keras's dtype policy; the matrices have the type of its computations.

    Returns:
        Floating-point operations per second.
    """
    dtype = keras.dtype_policies.get(precision).compute_dtype
    size = 8192 if _has_gpu() else 2048
    factor = ops.ones((size, size), dtype)
    # Reading a number waits for the product.
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


def _check_memory(batch: int, activations: int) -> None:
    """Check that the machine can hold the activations of a training step, which keeps them all.

    Linux ends a process that takes more without a message.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if batch * activations > memory:
        raise UserError(
            f"batch: must be at most {memory // activations} clips for the {memory / 1e9:.0f} GB "
            f"of this machine, got {batch}"
        )


def _synthetic_batch(config: ModelConfig, batch: int) -> dict[str, Tensor]:
    """Return a prepared batch of noise, with everything that any system reads."""
    preset = get_preset(config.preset)
    clip = preset.clip
    rng = np.random.default_rng(0)
    shape = (batch, clip.frames, clip.height, clip.width)
    spectrogram = (batch, *preset.audio.shape(clip.samples))
    arrays = {
        "v1": rng.integers(0, 256, (*shape, 3), np.uint8),
        "v2": rng.integers(0, 256, (*shape, 3), np.uint8),
        "alpha": np.full((*shape, 1), 0.5, np.float32),
        "spectrogram": rng.uniform(0, 10, spectrogram).astype(np.float32),
        "v1_class": rng.integers(0, preset.classes, batch, np.int32),
    }
    return {name: ops.convert_to_tensor(values) for name, values in arrays.items()}


def _median_seconds(run: Callable[[], object], steps: int) -> float:
    seconds = []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[WARM_UP:])


def _has_gpu() -> bool:
    match keras.backend.backend():
        case "jax":
            import jax

            return jax.default_backend() == "gpu"
        case "torch":
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
