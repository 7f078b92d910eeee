"""Largest inputs that a request may have."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from serving.server.errors import invalid
from serving.signature import Typed


@dataclass(frozen=True)
class InputLimits:
    """Largest inputs of one request.

    A few bytes can claim a tensor of any size, and a model needs many times the memory of its
    inputs.

    Attributes:
        batch: largest first axis.
        size: largest number of bytes.
    """

    batch: int
    size: int

    def check(self, inputs: Mapping[str, Typed]) -> None:
        """Raise StatusError unless tensors of these dtypes and shapes are small enough."""
        for name, tensor in inputs.items():
            size = math.prod(tensor.shape) * tensor.dtype.itemsize
            if size > self.size:
                raise invalid(f"input {name}: must have at most {self.size} bytes, got {size}")
            if tensor.shape and tensor.shape[0] > self.batch:
                batch = tensor.shape[0]
                raise invalid(f"input {name}: must be a batch of at most {self.batch}, got {batch}")
