"""Commands of containers, run as processes of this machine."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from data_prep import storage
from pipeline.compiled.placeholders import fill_in
from pipeline.compiled.task_body import TaskBody, TaskFailedError
from pipeline.compiled.task_log import last_message
from pipeline.compiled.task_process import run_logged
from pipeline.compiled.task_records import TaskOutputs

if TYPE_CHECKING:
    from pipeline.compiled.task_call import TaskCall

_PYTHON = ("python", "python3")
_CODE = str(Path(__file__).parents[2])  # where an image has this package installed


@dataclass(frozen=True)
class ContainerBody(TaskBody):
    """Runs the command of a container, without the container.

    Attributes:
        image: the container's image, which is not used here.
        command: command and arguments, with placeholders.
        environment: environment variables.
        machine: the machine that it asks for, in words.
    """

    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""

    def identity(self) -> JsonValue:
        """Return the image, the command and the environment."""
        return [self.image, list(self.command), dict(self.environment)]

    def perform(self, call: "TaskCall") -> TaskOutputs:
        """Run the command in an empty folder, with `python` being this one; log what it prints."""
        words = [fill_in(word, call) for word in self.command]
        if words[0] in _PYTHON:
            words[0] = sys.executable
        call.prepare()
        log = _next_log(Path(call.folder))
        code = run_logged(words, log, cwd=_scratch(call), environment=self._environment())
        if code:
            raise TaskFailedError(last_message(log) or f"exit code {code}", str(log))
        try:
            return call.read_outputs()
        except TaskFailedError as error:
            raise TaskFailedError(error.reason, str(log)) from error

    def _environment(self) -> dict[str, str]:
        paths = filter(None, (_CODE, os.environ.get("PYTHONPATH")))
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **self.environment}


def _next_log(folder: Path) -> Path:
    """Return a file for the next attempt; those of attempts before an interruption are kept."""
    return folder / f"attempt-{len(list(folder.glob('attempt-*.log'))) + 1}.log"


def _scratch(call: "TaskCall") -> Path:
    scratch = Path(call.folder, "working_folder")
    storage.remove_tree(str(scratch))
    storage.make_dirs(str(scratch))
    return scratch
