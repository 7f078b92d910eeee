"""Clipping of gradients by the norm of their sum over all devices."""

from collections.abc import Sequence
from typing import Any


class SummedClipping:
    """Clip the gradients of the whole batch, whatever number of devices share it.

    A mixin for Keras's optimizers. Keras clips on every device, before the gradients are summed:
    the limit would hold for each device's share, and several devices would train otherwise than
    one. Only TensorFlow's backend sums.
    """

    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        """Leave a device's share as it is."""
        return grads

    def _all_reduce_sum_gradients(self, grads_and_vars: Sequence[Any]) -> list[Any]:
        """Sum the devices' gradients, as Keras does, and clip the sum."""
        pairs = super()._all_reduce_sum_gradients(grads_and_vars)  # type: ignore[misc]
        gradients, variables = zip(*pairs, strict=True)
        clipped = super()._clip_gradients(gradients)  # type: ignore[misc]
        return list(zip(clipped, variables, strict=True))
