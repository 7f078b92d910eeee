"""The cost of a system: parameters, floating-point operations, memory of its activations.

Everything is counted from the shapes that a functional network knows, without computing anything
and under any backend.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from models.networks.inner_calls import CompositeLayer, Shape
from models.presets import Preset
from models.systems import System


@dataclass(frozen=True)
class Cost:
    """The cost of one network on one clip.

    Attributes:
        system: the system.
        parameters: number of weights, trained or not.
        flops: floating-point operations of a forward pass: 2 per multiply-add of convolutions,
            transposed convolutions and dense layers. Everything else is small beside them.
        activations: bytes of the outputs of all layers together, in float32.
        outputs: shapes of the network's outputs, by name, without the batch.
    """

    system: System
    parameters: int
    flops: int
    activations: int
    outputs: dict[str, list[Shape]]


def cost_of(system: System, preset: Preset) -> Cost:
    """Build a system's network for a preset's own clip, and count what it costs."""
    network = system.build(preset.clip, preset)
    calls = list(_calls(network))
    return Cost(
        system=system,
        parameters=network.count_params(),
        flops=_sum_flops(network, calls),
        activations=_sum_activations(calls),
        outputs={
            key: [tuple(tensor.shape[1:]) for tensor in keras.tree.flatten(value)]
            for key, value in network.output.items()
        },
    )


def forward_flops(network: keras.Model) -> int:
    """Count the floating-point operations of a forward pass on one clip; see `Cost`.

    Args:
        network: a functional network that calls each of its layers once.

    Raises:
        ValueError: a layer calls others without reporting them through `inner_calls`.
    """
    return _sum_flops(network, list(_calls(network)))


def activation_bytes(network: keras.Model) -> int:
    """Count the bytes of the activations on one clip; see `Cost`."""
    return _sum_activations(list(_calls(network)))


@dataclass(frozen=True)
class _Call:
    """A call of a layer for one clip: the shapes of its inputs and outputs."""

    layer: keras.Layer
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]


def _calls(network: keras.Model) -> Iterator[_Call]:
    """Yield every call of a layer, also inside another one."""
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            inputs, outputs = _shapes(layer.input), _shapes(layer.output)
            yield from _with_inner(_Call(layer, inputs, outputs))


def _shapes(tensors: Any) -> tuple[Shape, ...]:
    return tuple((1, *tensor.shape[1:]) for tensor in keras.tree.flatten(tensors))


def _with_inner(call: _Call) -> Iterator[_Call]:
    yield call
    if isinstance(call.layer, CompositeLayer):
        for layer, inputs in call.layer.inner_calls(*call.inputs):
            outputs = tuple(layer.compute_output_shape(*inputs))
            # One shape, or one for each of several outputs.
            one = not isinstance(outputs[0], tuple)
            yield from _with_inner(_Call(layer, inputs, (outputs,) if one else outputs))


def _sum_flops(network: keras.Model, calls: list[_Call]) -> int:
    counted = {id(call.layer.kernel) for call in calls if hasattr(call.layer, "kernel")}
    missed = [w.path for w in network.weights if w.name == "kernel" and id(w) not in counted]
    if missed:
        raise ValueError(
            "cost: layers that call others must report them through inner_calls, got weights of no "
            f"known call: {', '.join(missed)}"
        )
    return sum(map(_flops, calls))


def _sum_activations(calls: list[_Call]) -> int:
    return 4 * sum(math.prod(shape) for call in calls for shape in call.outputs)


def _flops(call: _Call) -> int:
    kernel = getattr(call.layer, "kernel", None)
    if kernel is None:
        return 0
    # A transposed kernel meets every position of the input, another one every position of the
    # output.
    transposed = isinstance(call.layer, keras.layers.Conv3DTranspose)
    positions = (call.inputs if transposed else call.outputs)[0][:-1]
    return 2 * math.prod(positions) * math.prod(kernel.shape)
