"""What a model takes and gives: the signatures of a SavedModel in plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError
from serving.wire import DTYPES

DEFAULT = "serving_default"

# SavedModels list their initialisation among the signatures; nobody may call it.
_NO_SIGNATURE = "__saved_model_init_op"


@dataclass(frozen=True)
class TensorSpec:
    """The dtype and shape of a tensor; an axis of any length is None, and so is any shape.

    Dtypes that clips and separations are not made of are `object`.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...] | None

    def accepts(self, array: np.ndarray) -> bool:
        """Whether the array's dtype and shape are these."""
        if array.dtype != self.dtype:
            return False
        if self.shape is None:
            return True
        return array.ndim == len(self.shape) and all(
            want in (None, have) for want, have in zip(self.shape, array.shape, strict=True)
        )

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype} [...]"
        return f"{self.dtype} [{', '.join('?' if n is None else str(n) for n in self.shape)}]"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of one signature, by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    def check(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Raise UserError, with what was expected and received, unless the inputs are these."""
        if inputs.keys() != self.inputs.keys():
            raise UserError(
                f"inputs: expected {_names(self.inputs)}, received {_names(inputs)}; "
                f"missing: {_names(self.inputs.keys() - inputs.keys())}, "
                f"not known: {_names(inputs.keys() - self.inputs.keys())}"
            )
        for name, array in inputs.items():
            spec = self.inputs[name]
            if not spec.accepts(array):
                received = TensorSpec(array.dtype, array.shape)
                raise UserError(f"input {name}: expected {spec}, received {received}")
        if len({array.shape[:1] for array in inputs.values()}) > 1:
            shapes = ", ".join(f"{name} {list(a.shape)}" for name, a in sorted(inputs.items()))
            raise UserError(f"inputs: expected one batch size, the first axis, received {shapes}")

    def check_outputs(self, names: list[str]) -> None:
        """Raise UserError unless every name is an output, once."""
        unknown = set(names) - self.outputs.keys()
        if unknown or len(set(names)) < len(names):
            raise UserError(
                f"outputs: expected each at most once of {_names(self.outputs)}, "
                f"received {', '.join(names)}"
            )


def read_signatures(signature_defs: Mapping) -> dict[str, Signature]:
    """Read a map of SignatureDef protos, leaving out what is not for calling."""
    return {
        name: Signature(_specs(definition.inputs), _specs(definition.outputs))
        for name, definition in signature_defs.items()
        if name != _NO_SIGNATURE
    }


def _specs(infos: Mapping) -> dict[str, TensorSpec]:
    return {name: _spec(info) for name, info in infos.items()}


def _spec(info) -> TensorSpec:
    dtype = DTYPES.get(info.dtype, np.dtype(object))
    if info.tensor_shape.unknown_rank:
        return TensorSpec(dtype, None)
    shape = tuple(None if axis.size < 0 else axis.size for axis in info.tensor_shape.dim)
    return TensorSpec(dtype, shape)


def _names(names) -> str:
    return "{" + ", ".join(sorted(names)) + "}"
