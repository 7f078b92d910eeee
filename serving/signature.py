"""Inputs and outputs of a model: the signatures of a SavedModel as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from data_prep.errors import UserError
from serving.wire import DTYPES, dtype_name

DEFAULT = "serving_default"
DESCRIPTION = "description"

# SavedModels list their initialization among the signatures, but it is not callable.
_NO_SIGNATURE = "__saved_model_init_op"

_OTHER_DTYPE = np.dtype(np.void)


class Typed(Protocol):
    """Anything with a dtype and a shape, such as an array."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype, as in TensorSpec."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes."""


@dataclass(frozen=True)
class TensorSpec:
    """Dtype and shape of a tensor.

    Attributes:
        dtype: the dtype; `object` for strings, `void` for those that the client cannot send.
        shape: the axes, None for an axis of any length; None for any shape.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...] | None

    def accepts(self, tensor: Typed) -> bool:
        """Return whether a tensor has this dtype and shape."""
        if tensor.dtype != self.dtype:
            return False
        if self.shape is None:
            return True
        return len(tensor.shape) == len(self.shape) and all(
            want in (None, have) for want, have in zip(self.shape, tensor.shape, strict=True)
        )

    def __str__(self) -> str:
        if self.shape is None:
            return f"{dtype_name(self.dtype)} [...]"
        axes = ", ".join("?" if n is None else str(n) for n in self.shape)
        return f"{dtype_name(self.dtype)} [{axes}]"


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of one signature, by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    @property
    def joinable(self) -> bool:
        """Whether the first axis of every tensor counts examples, so requests can be joined."""
        specs = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(spec.shape and spec.shape[0] is None for spec in specs)

    def check(self, inputs: Mapping[str, Typed]) -> None:
        """Raise UserError unless tensors of these dtypes and shapes are valid inputs."""
        if inputs.keys() != self.inputs.keys():
            raise UserError(
                f"inputs: must be {_names(self.inputs)}, got {_names(inputs)}; "
                f"missing: {_names(self.inputs.keys() - inputs.keys())}, "
                f"unknown: {_names(inputs.keys() - self.inputs.keys())}"
            )
        for name, tensor in inputs.items():
            spec = self.inputs[name]
            if not spec.accepts(tensor):
                got = TensorSpec(tensor.dtype, tensor.shape)
                raise UserError(f"input {name}: must be {spec}, got {got}")
        if len({tensor.shape[:1] for tensor in inputs.values()}) > 1:
            shapes = ", ".join(f"{name} {list(a.shape)}" for name, a in sorted(inputs.items()))
            raise UserError(f"inputs: must have one batch size, the first axis, got {shapes}")

    def check_outputs(self, names: list[str]) -> None:
        """Raise UserError unless every name is an output and occurs once."""
        unknown = set(names) - self.outputs.keys()
        if unknown or len(set(names)) < len(names):
            raise UserError(
                f"outputs: must be names from {_names(self.outputs)}, each at most once, "
                f"got {', '.join(names)}"
            )


def read_signatures(signature_defs: Mapping[str, Any]) -> dict[str, Signature]:
    """Convert a map of SignatureDef protos, without those that are not callable."""
    return {
        name: Signature(_specs(definition.inputs), _specs(definition.outputs))
        for name, definition in signature_defs.items()
        if name != _NO_SIGNATURE
    }


def _specs(infos: Mapping[str, Any]) -> dict[str, TensorSpec]:
    return {name: _spec(info) for name, info in infos.items()}


def _spec(info: Any) -> TensorSpec:
    dtype = DTYPES.get(info.dtype, _OTHER_DTYPE)
    if info.tensor_shape.unknown_rank:
        return TensorSpec(dtype, None)
    shape = tuple(None if axis.size < 0 else axis.size for axis in info.tensor_shape.dim)
    return TensorSpec(dtype, shape)


def _names(names: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(names)) + "}"
