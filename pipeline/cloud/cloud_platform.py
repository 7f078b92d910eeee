"""What a platform that runs compiled pipelines can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pipeline.cloud.cron import Cron
from pipeline.cloud.run_status import RunStatus, ScheduleStatus
from pipeline.config import PipelineConfig

Documents = Sequence[Mapping[str, Any]]
"""A compiled pipeline: one document, or the pipeline and what a platform needs beside it."""


class CloudPlatform(ABC):
    """A platform that runs compiled pipelines.

    Attributes:
        name: as `--target` takes it.
        title: its name for people.
        suffix: suffix of a file with a compiled pipeline.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def check(self, config: PipelineConfig) -> None:
        """Check that the settings are complete and right for a compiled pipeline.

        Raises:
            UserError: they aren't; the message names the first wrong setting.
        """

    @abstractmethod
    def compile(self, config: PipelineConfig) -> Documents:
        """Compile the pipeline, whose settings are checked.

        Raises:
            UserError: the settings hold for runs on one machine alone.
        """

    @abstractmethod
    def check_connection(self, config: PipelineConfig) -> None:
        """Check the settings that say where the platform's API is.

        Raises:
            UserError: they are incomplete or wrong.
        """

    @abstractmethod
    def check_schedule(self, cron: Cron) -> None:
        """Check that the platform can start runs at these times.

        Raises:
            UserError: it can't.
        """

    @abstractmethod
    def submit(self, config: PipelineConfig, documents: Documents) -> RunStatus:
        """Start a run of a compiled pipeline.

        Raises:
            UserError: the platform refused, or could not be reached.
        """

    @abstractmethod
    def schedule(
        self, config: PipelineConfig, documents: Documents, name: str, cron: Cron
    ) -> ScheduleStatus:
        """Create the schedule of a name, or replace it.

        Raises:
            UserError: the platform refused, or could not be reached.
        """

    @abstractmethod
    def schedules(self, config: PipelineConfig) -> list[ScheduleStatus]:
        """Return the schedules, by name.

        Raises:
            UserError: the platform refused, or could not be reached.
        """

    @abstractmethod
    def delete_schedule(self, config: PipelineConfig, name: str) -> bool:
        """Delete the schedule of a name, and say whether there was one.

        Raises:
            UserError: the platform refused, or could not be reached.
        """

    @abstractmethod
    def run(self, config: PipelineConfig, run: str) -> RunStatus:
        """Return the state of a run and its stages.

        Args:
            config: the settings.
            run: the run's name or ID.

        Raises:
            UserError: there is no such run, or the platform could not be reached.
        """

    @abstractmethod
    def runs(self, config: PipelineConfig, count: int) -> list[RunStatus]:
        """Return the last runs of the pipeline, the newest first, without their stages.

        Raises:
            UserError: the platform refused, or could not be reached.
        """

    @abstractmethod
    def cancel(self, config: PipelineConfig, run: str) -> None:
        """Ask the platform to cancel a run.

        Raises:
            UserError: there is no such run, or the platform refused.
        """
