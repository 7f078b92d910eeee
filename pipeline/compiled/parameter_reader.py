"""Reads where the parameters of a task come from."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from data_prep.errors import UserError
from data_prep.registry import lookup
from pipeline.compiled.parameter_types import Proto, new_value, old_value, type_of
from pipeline.compiled.task_plan import Constant, OutputOf, ParameterInput


def read_parameters(
    task: Proto, component: Proto, given: Mapping[str, JsonValue]
) -> dict[str, ParameterInput]:
    """Return the parameters of a task.

    Args:
        task: the `PipelineTaskSpec`.
        component: its `ComponentSpec`.
        given: parameter of the pipeline -> its value.

    Raises:
        UserError: one has no value, one of another type, or one that cannot be read here.
    """
    declared, inputs = component.input_definitions.parameters, task.inputs.parameters
    if unknown := sorted(set(inputs) - set(declared)):
        raise UserError(f"parameters: must be those of the component, got {unknown[0]}")
    found = {}
    for name, definition in declared.items():
        what = f"parameter {name}"
        kind = type_of(definition, what)
        if name in inputs:
            source = _source(inputs[name], given, what)
        elif definition.HasField("default_value"):
            source = Constant(new_value(definition.default_value))
        elif definition.is_optional:
            continue
        else:
            raise UserError(f"{what}: must have a value, got none")
        if isinstance(source, Constant):
            source = Constant(kind.check(source.value, what))
        found[name] = ParameterInput(kind, source)
    return found


def _source(found: Proto, given: Mapping[str, JsonValue], what: str) -> Constant | OutputOf:
    """Return where a task's parameter comes from; a parameter of the pipeline has its value."""
    kind = found.WhichOneof("kind") or "nothing"
    if found.parameter_expression_selector:
        raise UserError(f"{what}: parameterExpressionSelector: must be empty to run here")
    read = lookup(_SOURCES, kind, f"{what}: source that can be read here")
    return read(found, given, what)


def _runtime_value(found: Proto, given: Mapping[str, JsonValue], what: str) -> Constant:
    value = found.runtime_value
    if value.WhichOneof("value") == "runtime_parameter":
        return _of_pipeline(value.runtime_parameter, given, what)
    if value.WhichOneof("value") == "constant_value":
        return Constant(old_value(value.constant_value))
    return Constant(new_value(value.constant))


def _of_pipeline(name: str, given: Mapping[str, JsonValue], what: str) -> Constant:
    if name not in given:
        raise UserError(f"{what}: the pipeline's parameter {name} must have a value, got none")
    return Constant(given[name])


_SOURCES: dict[str, Callable[[Any, Mapping[str, JsonValue], str], Constant | OutputOf]] = {
    "runtime_value": _runtime_value,
    "component_input_parameter": lambda found, given, what: _of_pipeline(
        found.component_input_parameter, given, what
    ),
    "task_output_parameter": lambda found, given, what: OutputOf(
        found.task_output_parameter.producer_task, found.task_output_parameter.output_parameter_key
    ),
}
