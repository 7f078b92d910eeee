"""Placeholders such as `{{$}}` in commands, arguments and parameters of a compiled pipeline."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial

from pydantic import JsonValue

from data_prep.errors import UserError
from pipeline.compiled.task_call import TaskCall, to_text

_PLACEHOLDER = re.compile(r"\{\{\$(.*?)\}\}", re.DOTALL)
_STRUCTURE = re.compile(r'\s*\{"(Concat|IfPresent)": ')
_WHOLE: dict[str, Callable[[TaskCall], str]] = {
    "": lambda call: to_text(call.executor_input()),
    ".outputs.output_file": lambda call: call.output_file,
}
_PARAMETER = re.compile(r"\.inputs\.parameters\['([^']+)'\]")
_PARAMETER_FILE = re.compile(r"\.outputs\.parameters\['([^']+)'\]\.output_file")
_ARTIFACT = re.compile(r"\.(inputs|outputs)\.artifacts\['([^']+)'\]\.(uri|path)")


def fill_in_job(value: JsonValue, run_id: str, task: str, root: str) -> JsonValue:
    """Return a constant with the placeholders that stand for the run and the task replaced.

    Raises:
        UserError: it has another placeholder.
    """
    if not isinstance(value, str):
        return value
    return _filled(value, partial(_of_job, names=_job(run_id, task, root)))


def require_known(text: str) -> None:
    """Check that a part of a command has only placeholders that are known here.

    Raises:
        UserError: it has another one.
    """
    if _STRUCTURE.match(text):
        raise UserError(f"placeholder: must be no structure to run here, got {text[:60]!r}")
    _filled(text, _if_known)


def fill_in(text: str, call: TaskCall) -> str:
    """Return a part of a command with its placeholders replaced.

    Raises:
        UserError: it names an input or output that the task does not have.
    """
    names = _job(call.run_id, call.task.name, call.root)
    return _filled(text, partial(_of_call, call=call, names=names))


def _filled(text: str, value_of: Callable[[str], str | None]) -> str:
    def replaced(match: re.Match[str]) -> str:
        value = value_of(match[1])
        if value is None:
            raise UserError(f"placeholder: must be one that is known here, got {match[0]!r}")
        return value

    return _PLACEHOLDER.sub(replaced, text)


def _job(run_id: str, task: str, root: str) -> dict[str, str]:
    jobs = ("pipeline_job_name", "pipeline_job_uuid", "pipeline_job_resource_name")
    tasks = ("pipeline_task_name", "pipeline_task_uuid")
    return {
        **{f".{name}": run_id for name in jobs},
        **{f".{name}": task for name in tasks},
        ".pipeline_root": root,
    }


def _if_known(placeholder: str) -> str | None:
    forms = (_PARAMETER, _PARAMETER_FILE, _ARTIFACT)
    if placeholder in _WHOLE or any(form.fullmatch(placeholder) for form in forms):
        return ""
    return _job("", "", "").get(placeholder)


def _of_job(placeholder: str, names: Mapping[str, str]) -> str | None:
    return names.get(placeholder)


def _of_call(placeholder: str, call: TaskCall, names: Mapping[str, str]) -> str | None:
    if placeholder in _WHOLE:
        return _WHOLE[placeholder](call)
    if (found := _PARAMETER.fullmatch(placeholder)) and found[1] in call.parameters:
        value = call.parameters[found[1]]
        return value if isinstance(value, str) else json.dumps(value)
    if (found := _PARAMETER_FILE.fullmatch(placeholder)) and found[
        1
    ] in call.task.output_parameters:
        return call.parameter_file(found[1])
    if found := _ARTIFACT.fullmatch(placeholder):
        artifacts = {"inputs": call.artifacts, "outputs": call.new_artifacts}[found[1]]
        return artifacts[found[2]].uri if found[2] in artifacts else None
    return names.get(placeholder)
