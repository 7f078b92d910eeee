"""Fusion of element-wise work into one kernel, for the cases TensorFlow does not fuse."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from data_prep.notices import without_notices


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of element-wise tensor operations into one kernel.

    TensorFlow runs each operation by itself, so a loss over whole videos spends its time moving
    arrays through memory: on a CPU its gradient takes ten times as long as XLA's fused one, and
    longer than the convolutions (figures in tests/benchmarks/README.md). XLA's CPU convolutions
    are slow, so only the element-wise parts use it. JAX compiles the whole step; under JAX and
    PyTorch the function is returned unchanged.

    Use it for training only: a served graph must not need XLA, which TF Serving leaves out.
    """
    if keras.backend.backend() != "tensorflow":
        return function

    @functools.cache
    def compiled() -> Callable[..., Any]:
        import tensorflow as tf

        _start_xla()
        return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return compiled()(*args)

    return call


@functools.cache
def _start_xla() -> None:
    """Let XLA compile something, so that what it prints at its first time can be left out."""
    import tensorflow as tf

    with tf.init_scope(), without_notices():
        tf.function(lambda: tf.zeros([]) + 1, jit_compile=True)()
