"""A training job from start to end: other types of GPU, retries, adoption, cancellation."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from types import FrameType
from typing import TYPE_CHECKING, Any

from absl import logging

from components.training.job_api import JobApi, NoMachinesError
from components.training.job_config import TrainingJob
from data_prep.errors import UserError

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import CustomJob

_STOCK_OUT = ("resources are insufficient", "resource_exhausted", "exceed quota", "stockout")
"""What Vertex AI writes when there are no machines, in lower case."""
_EXHAUSTED = 8  # google.rpc.Code.RESOURCE_EXHAUSTED
_TERMINATED = 128 + signal.SIGTERM
"""Exit status of a process that SIGTERM ended."""


class Phase(Enum):
    """What a job is doing, as far as its stage is concerned."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


_PHASES = {
    "JOB_STATE_QUEUED": Phase.WAITING,
    "JOB_STATE_PENDING": Phase.WAITING,
    "JOB_STATE_SUCCEEDED": Phase.SUCCEEDED,
    "JOB_STATE_FAILED": Phase.FAILED,
    "JOB_STATE_CANCELLED": Phase.STOPPED,
    "JOB_STATE_EXPIRED": Phase.STOPPED,
    "JOB_STATE_PARTIALLY_SUCCEEDED": Phase.FAILED,
}
"""State of a job, by its name in Vertex AI -> its phase; all other states are running."""

_ENDS = (Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED)


class JobRun:
    """The job of a stage.

    A stage that is started again, after its container was lost, finds the job of its name and waits
    for it. If the stage is told to end, by SIGTERM, it cancels the job.

    Args:
        api: the jobs.
        job: the job's settings.
        name: display name of the job, the same at every attempt of the stage.
        spec: type of GPU -> the job as the API takes it.
        is_kept: says whether the outputs of a job that has succeeded are still there.
        clear: removes outputs of jobs before, called before a job is created.
    """

    def __init__(
        self,
        api: JobApi,
        job: TrainingJob,
        name: str,
        spec: Callable[[str], Mapping[str, Any]],
        *,
        is_kept: Callable[[], bool] = lambda: False,
        clear: Callable[[], None] = lambda: None,
    ) -> None:
        self._api = api
        self._job = job
        self._name = name
        self._spec = spec
        self._is_kept = is_kept
        self._clear = clear
        self._failures = 0

    def run(self) -> None:
        """Start the job, or adopt it, and wait until one has succeeded.

        Raises:
            UserError: there are no machines of any type, or the job failed too often, was
                cancelled or took too long.
            SystemExit: the stage was told to end; the job is cancelled.
        """
        with _interruptible():
            try:
                self._run()
            except (SystemExit, KeyboardInterrupt):
                # Also one whose creation is under way.
                found = self._api.newest(self._name)
                if found is not None and _phase(found) not in _ENDS:
                    logging.info("cancelling %s", found.name)
                    self._api.cancel(found.name)
                raise

    def _run(self) -> None:
        choices = list(self._job.config.choices)
        tried = []
        found = self._adopted()
        if found is not None:
            # Types before the one that it runs on had no machines.
            kind = _gpu_type(found)
            choices = choices[choices.index(kind) :] if kind in choices else choices
        while choices:
            try:
                self._wait(found or self._create(choices[0]))
                return
            except NoMachinesError as error:
                logging.warning("no machines with %s: %s", choices[0] or "no GPUs", error)
                tried.append(f"{choices.pop(0) or 'none'}: {error}")
            found = None
        raise NoMachinesError(
            f"cloud.vertex.training: must find machines, got none; tried {'; '.join(tried)}"
        )

    def _adopted(self) -> "CustomJob | None":
        """Return the job of an earlier attempt, if it is of use."""
        found = self._api.newest(self._name)
        if found is None:
            return None
        phase = _phase(found)
        is_of_use = self._is_kept() if phase is Phase.SUCCEEDED else phase not in _ENDS
        if not is_of_use or found.state.name == "JOB_STATE_CANCELLING":
            return None
        logging.info("adopting %s", found.name)
        return found

    def _create(self, gpu_type: str) -> "CustomJob":
        self._clear()
        try:
            made = self._api.create(self._spec(gpu_type))
        except NoMachinesError:
            raise
        except UserError:
            # An answer that got lost does not mean that there is no job.
            found = self._adopted()
            if found is None:
                raise
            return found
        logging.info("started %s with %s", made.name, gpu_type or "no GPUs")
        return made

    def _wait(self, job: "CustomJob") -> None:
        """Wait for a job, and start it again as often as it may fail.

        Raises:
            NoMachinesError: it found no machines.
            UserError: it failed too often, was cancelled or took too long.
        """
        while True:
            ended = self._ended(job)
            if _phase(ended) is Phase.SUCCEEDED:
                return
            words = f"{ended.name}: {_reason(ended)}"
            if _is_stock_out(ended):
                raise NoMachinesError(words)
            self._failures += 1
            if _phase(ended) is Phase.STOPPED or self._failures > self._job.config.retries:
                raise UserError(f"training job: must succeed, got {words}")
            logging.warning("starting the job again: %s", words)
            job = self._create(_gpu_type(ended))

    def _ended(self, job: "CustomJob") -> "CustomJob":
        """Return a job when it has ended; one that gets no machines in time is cancelled.

        Raises:
            NoMachinesError: it got none.
        """
        limit = self._job.config.wait_hours * 3600
        # A job that has run waits again when machines were taken away.
        waiting_since = time.time() if job.start_time else job.create_time.timestamp()
        given_up = False
        while _phase(job) not in _ENDS:
            if _phase(job) is not Phase.WAITING:
                waiting_since = time.time()
            if time.time() - waiting_since > limit and not given_up:
                given_up = True
                self._api.cancel(job.name)
            else:
                time.sleep(self._job.seconds_between_polls)
            job = self._api.get(job.name)
        if given_up and _phase(job) is Phase.STOPPED:
            raise NoMachinesError(f"{job.name}: waited {self._job.config.wait_hours:g} h")
        return job


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the first SIGTERM into an exit that can be prepared."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _phase(job: "CustomJob") -> Phase:
    return _PHASES.get(job.state.name, Phase.RUNNING)


def _gpu_type(job: "CustomJob") -> str:
    machine = job.job_spec.worker_pool_specs[0].machine_spec
    return machine.accelerator_type.name if machine.accelerator_count else ""


def _reason(job: "CustomJob") -> str:
    return " ".join(job.error.message.split())[:300] or job.state.name


def _is_stock_out(job: "CustomJob") -> bool:
    text = job.error.message.lower()
    return job.error.code == _EXHAUSTED or any(words in text for words in _STOCK_OUT)
