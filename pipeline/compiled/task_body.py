"""What runs in a task."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pydantic import JsonValue

from pipeline.compiled.task_records import TaskOutputs

if TYPE_CHECKING:
    from pipeline.compiled.task_call import TaskCall


class TaskFailedError(Exception):
    """A task failed; it may succeed when it is tried again.

    Attributes:
        reason: what went wrong, on one line.
        log: file of what the task printed; empty if it printed nothing.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log


class TaskBody(ABC):
    """What runs in a task: a container's command, or the import of an artifact.

    Attributes:
        machine: the machine that it asks for, in words; empty if it asks for none.
    """

    machine: str = ""

    @abstractmethod
    def identity(self) -> JsonValue:
        """Return what makes two of these equal, for the cache's key."""

    @abstractmethod
    def perform(self, call: "TaskCall") -> TaskOutputs:
        """Run it once, and return its outputs.

        Raises:
            TaskFailedError: it failed.
            UserError: it cannot be run here.
        """
