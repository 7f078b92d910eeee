"""Tensors as JSON, by the rules of TensorFlow Serving's json_tensor.cc."""

import base64
import binascii
import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from serving.server.errors import invalid
from serving.signature import Signature, TensorSpec
from serving.wire import dtype_name

Json = Any

_BYTES_SUFFIX = "_bytes"  # of the names of outputs that are bytes rather than text


def parse_object(body: bytes) -> dict[str, Json]:
    """Return the JSON object in a request's body.

    Raises:
        StatusError: it holds something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"body: must be JSON, got {type(error).__name__}: {error}") from error
    if not isinstance(value, dict):
        raise invalid(f"body: must be a JSON object, got {_kind(value)}")
    return value


def read_inputs(body: Mapping[str, Json], signature: Signature) -> dict[str, np.ndarray]:
    """Return the inputs in a request's body.

    Args:
        body: has `instances`, one value or one object of values per element of the batch; or
            `inputs`, one value or an object of values for the whole batch.
        signature: has at least one input.

    Raises:
        StatusError: the body has neither or both, or its values are not those of the inputs.
    """
    if ("instances" in body) == ("inputs" in body):
        raise invalid("body: must have either instances or inputs, got both or none")
    if "inputs" in body:
        columns = _columns(body["inputs"], signature)
    else:
        columns = _columns_of_rows(body["instances"], signature)
    return {name: to_input(name, columns[name], spec) for name, spec in signature.inputs.items()}


def is_row_format(body: Mapping[str, Json]) -> bool:
    """Return whether a request is in row format, which its answer then is too."""
    return "instances" in body


def _columns(inputs: Json, signature: Signature) -> dict[str, Json]:
    """Return name -> value of `inputs`; names that are no inputs are ignored."""
    if not _is_object(inputs):
        return {_only_input(signature): inputs}
    missing = signature.inputs.keys() - inputs.keys()
    if missing:
        raise invalid(f"inputs: must have all inputs, missing {', '.join(sorted(missing))}")
    return dict(inputs)


def _columns_of_rows(instances: Json, signature: Signature) -> dict[str, list[Json]]:
    """Return name -> values of `instances`."""
    if not isinstance(instances, list) or not instances:
        raise invalid(f"instances: must be a list of at least one element, got {_kind(instances)}")
    objects = {_is_object(instance) for instance in instances}
    if objects == {False}:
        return {_only_input(signature): instances}
    names = signature.inputs.keys()
    if objects != {True} or any(instance.keys() != names for instance in instances):
        rule = f"must all be values, or all be objects with the keys {', '.join(sorted(names))}"
        raise invalid(f"instances: {rule}")
    return {name: [instance[name] for instance in instances] for name in names}


def _only_input(signature: Signature) -> str:
    if len(signature.inputs) > 1:
        raise invalid(f"inputs: must be an object with {', '.join(sorted(signature.inputs))}")
    return next(iter(signature.inputs))


def to_input(name: str, value: Json, spec: TensorSpec) -> np.ndarray:
    """Convert nested lists to an array.

    Args:
        name: the input's name, for messages.
        value: the lists. Bytes are `{"b64": TEXT}`.
        spec: has the dtype; the shape is not checked.

    Raises:
        StatusError: lists of one level have different lengths, or a value is not of the dtype.
    """
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], list):
        sizes = {len(part) if isinstance(part, list) else -1 for part in level}
        if len(sizes) > 1:
            raise invalid(f"input {name}: lists of one level must have one length")
        shape += sizes
        level = list(chain.from_iterable(level))
    return _to_array(name, level, spec.dtype).reshape(shape)


def _to_array(name: str, values: list[Json], dtype: np.dtype) -> np.ndarray:
    kinds, wanted = set(map(type, values)), _JSON_TYPES.get(dtype.kind, frozenset())
    if not kinds <= wanted:
        got = ", ".join(sorted(kind.__name__ for kind in kinds - wanted))
        raise invalid(f"input {name}: must be {dtype_name(dtype)}, got JSON values of type {got}")
    if dtype.kind == "O":
        found = np.empty(len(values), dtype)
        found[:] = [_to_bytes(name, value) for value in values]
        return found
    if dtype.kind in "iu" and values:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        if min(values) < low or max(values) > high:
            raise invalid(f"input {name}: must be from {low} to {high}, got other integers")
    try:
        with np.errstate(over="ignore"):  # what a float32 does not hold is infinite
            return np.array(values, dtype)
    except OverflowError as error:  # an integer beyond the largest double
        raise invalid(f"input {name}: must be {dtype_name(dtype)}, got a larger number") from error


_JSON_TYPES = {
    "f": frozenset({int, float}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
    "O": frozenset({str, dict}),
}
# Kind of a dtype -> the types of its values as Python parses JSON.


def _to_bytes(name: str, value: Json) -> bytes:
    """Return the bytes of a text, or of an object with base64."""
    try:
        if isinstance(value, str):
            return value.encode()
        if _is_base64(value):
            return base64.b64decode(value["b64"], validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise invalid(f"input {name}: must be text or base64: {error}") from error
    raise invalid(f'input {name}: must be text or {{"b64": TEXT}}, got another object')


def _is_base64(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _is_object(value: Json) -> bool:
    """Return whether a value is an object of named values, rather than bytes."""
    return isinstance(value, dict) and not _is_base64(value)


def _kind(value: Json) -> str:
    if isinstance(value, list) and not value:
        return "an empty list"
    return {dict: "an object", list: "a list", str: "text", type(None): "null"}.get(
        type(value), "a value"
    )


def write_outputs(outputs: Mapping[str, np.ndarray], *, rows: bool) -> dict[str, Json]:
    """Return the answer with these outputs, in row or in columnar format.

    Raises:
        StatusError: in row format, the outputs' first axes differ.
    """
    columns = {name: _to_lists(name, array) for name, array in outputs.items()}
    if not rows:
        return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}
    batches = {array.shape[:1] for array in outputs.values()}
    if len(batches) > 1 or () in batches:
        raise invalid("outputs: must have one batch size, the first axis, to be answered in rows")
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    rows_of_values = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows_of_values]}


def _to_lists(name: str, array: np.ndarray) -> Json:
    """Convert an array to nested lists that JSON can hold."""
    if array.dtype == np.float32:
        # The shortest text of a float32; that of the same number as a double has noise digits.
        return array.astype(str).astype(float).tolist()
    if array.dtype != object:
        return array.tolist()
    if name.endswith(_BYTES_SUFFIX):
        texts = [{"b64": base64.b64encode(value).decode()} for value in array.ravel()]
    else:
        texts = [value.decode(errors="replace") for value in array.ravel()]
    found = np.empty(array.size, object)
    found[:] = texts
    return found.reshape(array.shape).tolist()
