"""Types of parameters, in both dialects of the platforms' messages.

Schema 2.0 has `parameters` with a field for each type, schema 2.1 has `parameterValues`, which are
JSON. A component's definition says for each parameter which one it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from data_prep.errors import UserError
from data_prep.settings import shown

Proto = Any
"""A message of Kubeflow Pipelines, whose classes are generated at import."""


@dataclass(frozen=True)
class ParameterType:
    """Type of a parameter.

    Attributes:
        name: what values must be, for messages.
        convert: returns a value of the type; raises ValueError if there is no equal one.
        field: the field of schema 2.0 that holds it; empty for schema 2.1.
    """

    name: str
    convert: Callable[[JsonValue], JsonValue]
    field: str = ""

    def check(self, value: JsonValue, what: str) -> JsonValue:
        """Return a value as one of this type.

        Args:
            value: the value.
            what: what it is; the message begins with it.

        Raises:
            UserError: it has another type.
        """
        try:
            return self.convert(value)
        except ValueError as error:
            raise UserError(f"{what}: must be {self.name}, got {shown(value)}") from error

    def read(self, text: str, what: str) -> JsonValue:
        """Return the value that a component wrote to a parameter's file, see `check`."""
        if self.convert is _text:
            return text
        try:
            return self.check(json.loads(text.lower() if self.convert is _truth else text), what)
        except ValueError as error:
            raise UserError(f"{what}: must be {self.name}, got {shown(text)}") from error


def _whole(value: JsonValue) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise ValueError
    return int(value)


def _real(value: JsonValue) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return float(value)


def _of(kind: type) -> Callable[[JsonValue], JsonValue]:
    def convert(value: JsonValue) -> JsonValue:
        if not isinstance(value, kind):
            raise ValueError
        return value

    return convert


_text, _truth = _of(str), _of(bool)

TYPES = {
    "NUMBER_INTEGER": ParameterType("a whole number", _whole),
    "NUMBER_DOUBLE": ParameterType("a number", _real),
    "STRING": ParameterType("a text", _text),
    "BOOLEAN": ParameterType("true or false", _truth),
    "LIST": ParameterType("a list", _of(list)),
    "STRUCT": ParameterType("a mapping", _of(dict)),
}
"""Name in `parameterType` -> the type."""

OLD_TYPES = {
    "INT": ParameterType("a whole number", _whole, "intValue"),
    "DOUBLE": ParameterType("a number", _real, "doubleValue"),
    "STRING": ParameterType("a text", _text, "stringValue"),
}
"""Name in `type` -> the type."""


def type_of(definition: Proto, what: str) -> ParameterType:
    """Return the type that a component's definition gives a parameter.

    Raises:
        UserError: it gives none, or one that cannot be passed here.
    """
    from kfp.pipeline_spec import pipeline_spec_pb2

    new = pipeline_spec_pb2.ParameterType.ParameterTypeEnum.Name(definition.parameter_type)
    old = pipeline_spec_pb2.PrimitiveType.PrimitiveTypeEnum.Name(definition.type)
    found = TYPES.get(new) or OLD_TYPES.get(old)
    if found is None:
        names = ", ".join((*TYPES, *OLD_TYPES))
        raise UserError(f"{what}: must have one of the types {names}, got {new}")
    return found


def old_value(value: Proto) -> JsonValue:
    """Return what a `Value` of schema 2.0 holds."""
    field = value.WhichOneof("value")
    return getattr(value, field) if field else None


def new_value(value: Proto) -> JsonValue:
    """Return what a JSON value of schema 2.1 holds."""
    from google.protobuf import json_format

    found: JsonValue = json_format.MessageToDict(value)
    return found
