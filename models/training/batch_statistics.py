"""Statistics of batch normalization: over several devices, and for averaged weights.

Training gathers statistics with other weights than their average. They are estimated again from a
few batches, as in Izmailov et al., Averaging Weights Leads to Wider Optima and Better
Generalization (UAI 2018), section 3.2.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf

from models.tasks.trainable import TrainableModel
from models.training.inputs import divisible

BATCHES = 32
"""Batches whose moments are averaged."""


def estimate_statistics(model: TrainableModel, batches: tf.data.Dataset) -> None:
    """Set the statistics of all batch normalizations to the means of the batches' moments.

    Nothing happens in a network without batch normalization.

    Args:
        model: the model; its weights stay as they are.
        batches: prepared training batches; several devices share each of them.
    """
    layers = _normalizations(model)
    if not layers:
        return
    strategy = model.distribute_strategy
    statistics = [each for layer in layers for each in (layer.moving_mean, layer.moving_variance)]

    def moments_of_share(share: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        model(share, training=True)
        return [tf.identity(each.value) for each in statistics]

    def moments(batch: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        shares = strategy.run(moments_of_share, args=(batch,))
        return [strategy.reduce("MEAN", each, axis=None) for each in shares]

    compiled = tf.function(moments, jit_compile=model.jit_compile or None, autograph=False)
    with _without_memory(layers):
        found = [
            compiled(batch)
            for batch in strategy.experimental_distribute_dataset(divisible(batches))
        ]
    for statistic, values in zip(statistics, zip(*found, strict=True), strict=True):
        statistic.assign(tf.reduce_mean(tf.stack(values), axis=0))


def synchronize(model: TrainableModel) -> None:
    """Let all batch normalizations use the moments of the whole batch, not of a device's share."""
    for layer in _normalizations(model):
        layer.synchronized = True


def _normalizations(model: TrainableModel) -> list[keras.layers.BatchNormalization]:
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


@contextmanager
def _without_memory(layers: Sequence[keras.layers.BatchNormalization]) -> Iterator[None]:
    """Make every batch replace the statistics instead of moving them a little."""
    momenta = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 0.0
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
