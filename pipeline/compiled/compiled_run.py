"""A run of a compiled pipeline on this machine, one task after the other."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from data_prep import storage
from data_prep.errors import StorageError, UserError
from pipeline.compiled.placeholders import fill_in_job
from pipeline.compiled.run_folder import RunFolder
from pipeline.compiled.task_attempts import attempt
from pipeline.compiled.task_body import TaskFailedError
from pipeline.compiled.task_call import TaskCall
from pipeline.compiled.task_plan import CompiledPipeline, CompiledTask, OutputOf, ParameterInput
from pipeline.compiled.task_records import StoredArtifact, TaskRecord, TaskState

_OF_TFX = ("tfx_version",)
"""What TFX notes about every artifact."""


@dataclass(frozen=True)
class RunResult:
    """A run that succeeded.

    Attributes:
        run_id: its name.
        tasks: number of its tasks.
        cached: number of those that were served from the cache.
        root: folder of its artifacts.
        results: a line for each artifact of the tasks on which no other one depends: its name,
            its folder, and what its task noted about it.
    """

    run_id: str
    tasks: int
    cached: int
    root: str
    results: tuple[str, ...]


def run_pipeline(
    pipeline: CompiledPipeline, output: str, report: Callable[[str], None]
) -> RunResult:
    """Run a compiled pipeline, or resume the run of it that was interrupted.

    Args:
        pipeline: what is run.
        output: folder for what is kept of the runs; this process is its only writer.
        report: takes a line for each task that begins, and one for each that ends.

    Raises:
        UserError: a task failed; the others have run as far as they can.
    """
    run = _Run(pipeline, RunFolder(output, pipeline), report)
    return run.run()


class _Run:
    def __init__(
        self, pipeline: CompiledPipeline, folder: RunFolder, report: Callable[[str], None]
    ) -> None:
        self._pipeline = pipeline
        self._folder = folder
        self._report = report
        self._records: dict[str, TaskRecord] = {}

    def run(self) -> RunResult:
        what = "resuming" if self._folder.resumed else "running"
        self._report(f"{what} {self._folder.run_id}")
        tasks = self._pipeline.tasks
        for number, task in enumerate(tasks, start=1):
            found = self._folder.read(task.name)
            if found is None:
                found = self._ended(task, f"[{number}/{len(tasks)}] {task.name}")
                self._folder.write(task.name, found)
            self._records[task.name] = found
        self._folder.end()
        self._raise_failure()
        states = [record.state for record in self._records.values()]
        return RunResult(
            run_id=self._folder.run_id,
            tasks=len(tasks),
            cached=states.count(TaskState.CACHED),
            root=storage.join(self._folder.root, self._folder.run_id),
            results=tuple(self._results()),
        )

    def _results(self) -> Iterator[str]:
        needed = set().union(*(task.after for task in self._pipeline.tasks))
        for task in self._pipeline.tasks:
            if task.name in needed:
                continue
            for key, artifact in self._records[task.name].outputs.artifacts.items():
                notes = [
                    f", {name} {value}"
                    for name, value in artifact.metadata.items()
                    if name not in _OF_TFX
                ]
                yield f"{task.name}.{key}: {artifact.uri}{''.join(notes)}"

    def _ended(self, task: CompiledTask, label: str) -> TaskRecord:
        """Run a task if it may be run, and return how it ended."""
        if reason := self._obstacle(task):
            self._report(f"{label}: not run, {reason}")
            return TaskRecord(state=TaskState.NOT_RUN, reason=reason)
        machine = f" ({task.body.machine})" if task.body.machine else ""
        self._report(f"{label}{machine} ...")
        started = time.monotonic()
        record = self._performed(task)
        record = record.model_copy(update={"seconds": round(time.monotonic() - started, 3)})
        self._report(f"    {task.name}: {_described(record)}")
        return record

    def _obstacle(self, task: CompiledTask) -> str:
        """Return why a task cannot be run; empty if it can."""
        needed = {output.task for output in task.artifacts.values()}
        sources = (parameter.source for parameter in task.parameters.values())
        needed |= {source.task for source in sources if isinstance(source, OutputOf)}
        # A task that tidies up also runs after failures, if what it reads is there.
        for name in sorted(needed if task.after_failures else task.after):
            if not self._records[name].state.is_success:
                return f"as {name} did not succeed"
        failed = [name for name, found in self._records.items() if not found.state.is_success]
        if failed and self._pipeline.stops_at_failure and not task.after_failures:
            return f"as {failed[0]} did not succeed"
        return ""

    def _performed(self, task: CompiledTask) -> TaskRecord:
        try:
            call = self._call(task)
            entry = self._folder.cache.find(call)
            if entry is not None:
                # One of this run was made just before the run was interrupted.
                own = entry.run_id == self._folder.run_id
                state = TaskState.SUCCEEDED if own else TaskState.CACHED
                return TaskRecord(state=state, outputs=entry.outputs)
            outputs = attempt(call, lambda line: self._report(f"    {task.name}: {line}"))
        except StorageError:
            raise  # of this machine, not of the task: the run can be resumed
        except UserError as error:
            return TaskRecord(state=TaskState.FAILED, reason=str(error))
        except TaskFailedError as error:
            return TaskRecord(state=TaskState.FAILED, reason=error.reason, log=error.log)
        self._folder.cache.add(call, outputs)
        return TaskRecord(state=TaskState.SUCCEEDED, outputs=outputs)

    def _call(self, task: CompiledTask) -> TaskCall:
        return TaskCall(
            task=task,
            run_id=self._folder.run_id,
            root=self._folder.root,
            parameters={
                key: self._parameter(task.name, key, found)
                for key, found in task.parameters.items()
            },
            artifacts={key: self._artifact(output) for key, output in task.artifacts.items()},
            folder=self._folder.folder_of(task.name),
        )

    def _parameter(self, task: str, key: str, found: ParameterInput) -> JsonValue:
        source = found.source
        if isinstance(source, OutputOf):
            value = self._records[source.task].outputs.parameters[source.key]
        else:
            value = fill_in_job(source.value, self._folder.run_id, task, self._folder.root)
        return found.type.check(value, f"parameter {key}")

    def _artifact(self, output: OutputOf) -> StoredArtifact:
        return self._records[output.task].outputs.artifacts[output.key]

    def _raise_failure(self) -> None:
        """Report the first task that failed, if one did."""
        failed = {name: r for name, r in self._records.items() if r.state is TaskState.FAILED}
        if not failed:
            return
        [(name, first), *others] = failed.items()
        log = f"; its log is {first.log}" if first.log else ""
        more = f"; {len(others)} more failed" if others else ""
        raise UserError(f"{name}: {first.reason}{log}{more}")


def _described(record: TaskRecord) -> str:
    if record.state is TaskState.SUCCEEDED:
        return f"{record.seconds:.1f} s"
    if record.state is TaskState.CACHED:
        return str(record.state)
    log = f"; its log is {record.log}" if record.log else ""
    return f"failed after {record.seconds:.1f} s: {record.reason}{log}"
