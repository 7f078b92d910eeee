"""The protocol through which a composite layer reports the layers it calls.

Costs are counted from shapes alone, see `models.tools.cost`. A functional network shows its own
layers' shapes; a layer that calls other layers inside its `call` reports
theirs through this protocol.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import keras

Shape = tuple[int, ...]
"""The shape of a tensor with all sizes known; the first is the batch's."""


class InnerCall(NamedTuple):
    """A call of one layer inside another.

    Attributes:
        layer: the layer that is called.
        inputs: shapes of its inputs.
    """

    layer: keras.Layer
    inputs: tuple[Shape, ...]


@runtime_checkable
class CompositeLayer(Protocol):
    """A layer whose `call` calls other layers."""

    def inner_calls(self, *inputs: Shape) -> Iterator[InnerCall]:
        """Yield every call of an inner layer, for inputs of these shapes."""


def chain(layers: list[keras.Layer], shape: Shape) -> Iterator[InnerCall]:
    """Yield the calls of layers that are called one after the other."""
    for layer in layers:
        yield InnerCall(layer, (shape,))
        shape = tuple(layer.compute_output_shape(shape))
