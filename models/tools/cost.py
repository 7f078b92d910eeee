"""What a system costs: parameters, floating-point operations, memory of its activations."""

import functools
import math
from dataclasses import dataclass

import keras

from models.networks.i3d import i3d
from models.presets import Preset
from models.systems import CLASSIFIER, SYSTEMS, check_name


@dataclass(frozen=True)
class Summary:
    """The costs of one network on one clip.

    Attributes:
        name: the system, or `i3d`.
        parameters: weights, trained or not.
        published: the papers' count in millions, at their size; None where they give none.
        flops: floating-point operations of a forward pass: 2 a multiply-add of convolutions,
            transposed convolutions and dense layers. Everything else is little beside them.
        activations: bytes of the outputs of all layers together, in float32.
        outputs: shapes of what the network returns, by name, without the batch.
    """

    name: str
    parameters: int
    published: float | None
    flops: int
    activations: int
    outputs: dict[str, list[tuple[int, ...]]]


def build(name: str, preset: Preset) -> keras.Model:
    """Build a system's network, or the classifier, for a preset's own clip.

    Raises:
        UserError: there is no such network; the message lists what there is.
    """
    check_name(name)
    if name == CLASSIFIER:
        return i3d(preset.clip, preset, classes=preset.classes)
    return SYSTEMS[name].build(preset.clip, preset, 2, 2)


def summarise(name: str, preset: Preset) -> Summary:
    """Build a network and count what it costs.

    Raises:
        UserError: there is no such network.
    """
    network = build(name, preset)
    calls, outputs = _trace(network)
    return Summary(
        name=name,
        parameters=network.count_params(),
        published=SYSTEMS[name].published_parameters if name in SYSTEMS else None,
        flops=sum(map(_flops, calls)),
        activations=4 * sum(math.prod(shape) for call in calls for shape in call.outputs),
        outputs={
            key: [tuple(tensor.shape[1:]) for tensor in keras.tree.flatten(value)]
            for key, value in outputs.items()
        },
    )


def forward_flops(network: keras.Model) -> int:
    """Count the floating-point operations of a forward pass on one clip; see `Summary`."""
    return sum(map(_flops, _trace(network)[0]))


@dataclass(frozen=True)
class _Call:
    """A call of a layer: the shapes of its first input and of its outputs."""

    layer: keras.Layer
    input: tuple[int, ...]
    outputs: list[tuple[int, ...]]


def _trace(network: keras.Model) -> tuple[list[_Call], dict]:
    """Return every call of a layer, also inside another one, for one clip, and what comes out.

    Nothing is computed: the backend traces the network.
    """
    calls = []
    # A model that is a layer only hands on what its own layers compute.
    layers = [
        layer
        for layer in network._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model)
    ]
    for layer in layers:
        layer.call = _recording(layer, calls)
    network.call = _anew(network.call, calls)
    clip = {
        tensor.name: keras.KerasTensor((1, *tensor.shape[1:]), tensor.dtype)
        for tensor in network.inputs
    }
    try:
        # The network's own method asks its layers for shapes, and does not call them.
        outputs = keras.Operation.compute_output_spec(network, clip)
    finally:
        for layer in (*layers, network):
            del layer.call
    return calls, outputs


def _anew(call, calls):
    # PyTorch's backend traces again on the CPU where an operation has no shapes of its own.
    @functools.wraps(call)
    def started(*args, **kwargs):
        calls.clear()
        return call(*args, **kwargs)

    return started


def _recording(layer, calls):
    call = layer.call

    @functools.wraps(call)
    def recorded(*args, **kwargs):
        result = call(*args, **kwargs)
        shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(result)]
        calls.append(_Call(layer, _first_shape(args), shapes))
        return result

    return recorded


def _first_shape(args):
    return tuple(keras.tree.flatten(args)[0].shape) if args else ()


def _flops(call: _Call) -> int:
    kernel = getattr(call.layer, "kernel", None)
    if kernel is None:
        return 0
    transposed = isinstance(call.layer, keras.layers.Conv3DTranspose)
    # The kernel meets every position: of the input where it spreads, of the output elsewhere.
    positions = (call.input if transposed else call.outputs[0])[:-1]
    return 2 * math.prod(positions) * math.prod(kernel.shape)
