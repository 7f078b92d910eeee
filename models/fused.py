"""Fusing element-wise work into one kernel, where TensorFlow on its own would not."""

import functools

import keras


def fused(function):
    """Compile a function of element-wise operations on tensors into one kernel.

    TensorFlow runs each operation by itself, so that a loss over whole videos spends its time
    carrying arrays through memory: on a CPU its gradient takes ten times what XLA's fused one
    does, and longer than the convolutions (figures in tests/benchmarks/README.md). XLA's CPU
    convolutions are the slow ones, hence this for the element-wise parts alone. Under JAX, which
    compiles the whole step, and PyTorch the function is returned as it is.

    Meant for training only: a served graph must not need XLA, which TF Serving leaves out.
    """
    if keras.backend.backend() != "tensorflow":
        return function

    @functools.cache
    def compiled():
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)

    @functools.wraps(function)
    def call(*args):
        return compiled()(*args)

    return call
