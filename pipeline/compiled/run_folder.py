"""The folder that holds what is kept of the runs of compiled pipelines."""

import datetime
from pathlib import Path

from data_prep import storage
from data_prep.errors import UserError
from pipeline.compiled.task_cache import TaskCache
from pipeline.compiled.task_plan import CompiledPipeline
from pipeline.compiled.task_records import RunRecord, TaskRecord

_RUN, _TASK = "run.json", "task.json"


class RunFolder:
    """Files of one run: its record, and for each task its record, its message and its logs.

    Attributes:
        run_id: name of the run.
        resumed: whether the run was interrupted before.
        root: folder of the artifacts of all runs.
        cache: the cache that the runs share.
    """

    def __init__(self, output: str, pipeline: CompiledPipeline) -> None:
        """Resume the last run if it is one of this pipeline that has not ended, or begin one.

        Args:
            output: folder of everything.
            pipeline: what is run.
        """
        self._runs = storage.join(output, "runs")
        self.root = pipeline.root or storage.join(storage.absolute(output), "artifacts")
        self.cache = TaskCache(storage.join(output, "cache"), pipeline.name)
        last = self._last()
        self.resumed = last is not None and not last.ended and last.digest == pipeline.digest
        self._record = last if last is not None and self.resumed else self._new(pipeline)
        self.run_id = self._record.run_id

    def folder_of(self, task: str) -> str:
        """Return the folder of a task."""
        return storage.absolute(storage.join(self._runs, self.run_id, task))

    def read(self, task: str) -> TaskRecord | None:
        """Return the record of a task, or None if it has not ended."""
        file = storage.join(self.folder_of(task), _TASK)
        return TaskRecord.read(file) if storage.exists(file) else None

    def write(self, task: str, record: TaskRecord) -> None:
        """Keep the record of a task that has ended."""
        record.write(storage.join(self.folder_of(task), _TASK))

    def end(self) -> None:
        """Note that the run has ended, so that the next one is another run."""
        self._write(self._record.model_copy(update={"ended": True}))

    def _last(self) -> RunRecord | None:
        # The folder's own name may hold what means something in a pattern.
        files = Path(self._runs).glob(f"*/{_RUN}")
        records = [RunRecord.read(str(file)) for file in files]
        return max(records, key=lambda record: record.started, default=None)

    def _new(self, pipeline: CompiledPipeline) -> RunRecord:
        now = datetime.datetime.now(datetime.UTC)
        run_id = f"{pipeline.name}-{now:%Y%m%d%H%M%S%f}"[:-3]
        if storage.exists(storage.join(self._runs, run_id)):
            raise UserError(f"{run_id}: must be a new run, got one that exists; set the clock")
        record = RunRecord(run_id=run_id, digest=pipeline.digest, started=now)
        self._write(record)
        return record

    def _write(self, record: RunRecord) -> None:
        record.write(storage.join(self._runs, record.run_id, _RUN))
