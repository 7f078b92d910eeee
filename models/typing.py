"""Type aliases that the networks and losses share."""

from typing import Any

Tensor = Any
"""A tensor of Keras's backend (TensorFlow, JAX or PyTorch), a NumPy array, or a KerasTensor.

The networks and losses take all of these, and no common type describes them.
"""
