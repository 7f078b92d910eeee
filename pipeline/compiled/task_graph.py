"""Order of the tasks of a compiled pipeline."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from data_prep.errors import UserError
from pipeline.compiled.task_plan import CompiledTask, OutputOf


def in_order(tasks: Mapping[str, CompiledTask]) -> tuple[CompiledTask, ...]:
    """Return tasks so that each comes after those it depends on, otherwise by their names.

    Raises:
        UserError: a task depends on one that does not exist, on an output that its task does not
            have, or on itself.
    """
    for task in tasks.values():
        _check_inputs(task, tasks)
    sorter = TopologicalSorter({name: task.after for name, task in tasks.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise UserError(
            f"tasks: must not depend on each other in a circle, got {circle}"
        ) from error
    order: list[CompiledTask] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += (tasks[name] for name in ready)
        sorter.done(*ready)
    return tuple(order)


def _check_inputs(task: CompiledTask, tasks: Mapping[str, CompiledTask]) -> None:
    for name in sorted(task.after):
        if name not in tasks:
            raise UserError(f"task {task.name}: must depend on tasks of the pipeline, got {name}")
    for key, output in task.artifacts.items():
        if output.key not in tasks[output.task].output_artifacts:
            raise _no_output(task, key, output, "artifact")
    for key, parameter in task.parameters.items():
        source = parameter.source
        if isinstance(source, OutputOf) and source.key not in tasks[source.task].output_parameters:
            raise _no_output(task, key, source, "parameter")


def _no_output(task: CompiledTask, key: str, output: OutputOf, kind: str) -> UserError:
    rule = f"must be an output {kind} of {output.task}, got {output.key}"
    return UserError(f"task {task.name}: input {key}: {rule}")
