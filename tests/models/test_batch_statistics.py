"""Statistics of batch normalization for averaged weights, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.training.batch_statistics import estimate_statistics

EPSILON = 1e-3  # Keras's default


def make_model(*, normalize=True):
    """Two dense layers, each followed by a batch normalization."""
    rng = np.random.default_rng(0)
    x = inputs = keras.Input((5,), name="x")
    for number, width in enumerate((4, 3)):
        x = keras.layers.Dense(width, use_bias=False)(x)
        if normalize:
            x = keras.layers.BatchNormalization(scale=False, momentum=0.9, name=f"norm{number}")(x)
        x = keras.layers.ReLU()(x)
    model = keras.Model({"x": inputs}, x)
    model.compile(jit_compile=False)
    model.set_weights([rng.normal(size=weight.shape) ** 2 for weight in model.weights])
    return model


def make_batches(seed=1):
    return np.random.default_rng(seed).normal(1, 2, (3, 6, 5)).astype(np.float32)


def dataset(batches):
    return tf.data.Dataset.from_tensor_slices({"x": batches})


def numpy_moments(model, batches):
    """Return the means and variances of both layers' inputs, averaged over the batches."""
    weights = {weight.path: weight.numpy().astype(np.float64) for weight in model.weights}
    kernels = [value for path, value in weights.items() if path.endswith("kernel")]
    offsets = [value for path, value in weights.items() if path.endswith("beta")]
    found = []
    for batch in batches.astype(np.float64):
        moments = []
        for kernel, offset in zip(kernels, offsets, strict=True):
            batch = batch @ kernel
            moments.append((batch.mean(axis=0), batch.var(axis=0)))
            mean, variance = moments[-1]
            batch = np.maximum((batch - mean) / np.sqrt(variance + EPSILON) + offset, 0)
        found.append(moments)
    return np.mean(np.array(found, object), axis=0)


def test_statistics_are_the_means_of_the_batches_moments():
    model, batches = make_model(), make_batches()
    trained = [weight.numpy() for weight in model.trainable_weights]
    estimate_statistics(model, dataset(batches))
    for number, (mean, variance) in enumerate(numpy_moments(model, batches)):
        layer = model.get_layer(f"norm{number}")
        np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4)
        assert layer.momentum == 0.9
    for weight, value in zip(model.trainable_weights, trained, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_earlier_statistics_do_not_matter():
    first, second = make_model(), make_model()
    estimate_statistics(second, dataset(make_batches(2)))
    for model in (first, second):
        estimate_statistics(model, dataset(make_batches()))
    for weight, expected in zip(second.weights, first.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_an_interruption_leaves_the_momentum():
    model = make_model()
    with pytest.raises(Exception, match="incompatible"):
        estimate_statistics(model, dataset(make_batches()[..., :4]))
    assert model.get_layer("norm0").momentum == 0.9


def test_a_network_without_batch_normalization_reads_nothing():
    estimate_statistics(make_model(normalize=False), None)
