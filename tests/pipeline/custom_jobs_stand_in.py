"""Vertex AI's API of custom jobs, as its messages define it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from api_stand_in import RefusalError
from google.cloud import aiplatform_v1 as v1
from google.protobuf import json_format
from vertex_stand_in import PARENT, VertexStandIn


@dataclass(frozen=True)
class Fate:
    """What becomes of a job.

    Attributes:
        states: its states, one per question; the last one stays.
        error: why it failed.
        code: the error's code of google.rpc.
    """

    states: tuple[str, ...]
    error: str = ""
    code: int = 0


SUCCEEDS = Fate(("QUEUED", "PENDING", "RUNNING", "SUCCEEDED"))
FAILS = Fate(("PENDING", "RUNNING", "FAILED"), "The replica workerpool0-0 exited with status 1.", 3)
STOCK_OUT = Fate(
    ("PENDING", "FAILED"),
    "Resources are insufficient in region: us-central1. Please try a different region or use a "
    "different accelerator.",
    8,
)
WAITS = Fate(("PENDING",))
RUNS = Fate(("PENDING", "RUNNING"))
CANCELLED = Fate(("CANCELLING", "CANCELLED"))


@dataclass
class CustomJobsStandIn(VertexStandIn):
    """The API, with its jobs.

    Attributes:
        fates: what becomes of the jobs, in the order in which they are created; the last is that
            of all that follow.
        custom_jobs: the jobs in this order.
        on_create: called with each job.
    """

    fates: list[Fate] = field(default_factory=lambda: [SUCCEEDS])
    custom_jobs: list[Any] = field(default_factory=list)
    on_create: Callable[[Any], None] = lambda job: None

    def __post_init__(self) -> None:
        self._left: dict[str, list[str]] = {}
        self._fate: dict[str, Fate] = {}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        name = path.removeprefix("/v1/")
        query.pop("$alt", None)
        if (method, name) == ("POST", f"{PARENT}/customJobs"):
            return self._create(query, body)
        if (method, name) == ("GET", f"{PARENT}/customJobs"):
            return self._list(query)
        if re.fullmatch(rf"{PARENT}/customJobs/\d+(:cancel)?", name):
            job = self._found(name.removesuffix(":cancel"))
            if method == "POST":
                self._request(v1.CancelCustomJobRequest, {"name": job.name, **(body or {})})
                return self._cancel(job)
            self._request(v1.GetCustomJobRequest, {"name": name, **query})
            return self._json(self._moved_on(job))
        return super().answer(method, path, query, body)

    @property
    def gpu_types(self) -> list[str]:
        """Type of GPU of each job."""
        specs = [job.job_spec.worker_pool_specs[0].machine_spec for job in self.custom_jobs]
        return [spec.accelerator_type.name for spec in specs]

    @property
    def states(self) -> list[str]:
        """State of each job."""
        return [job.state.name.removeprefix("JOB_STATE_") for job in self.custom_jobs]

    def _create(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        given = {"parent": PARENT, "customJob": body, **query}
        job = self._request(v1.CreateCustomJobRequest, given).custom_job
        self._check(job)
        job.name = f"{PARENT}/customJobs/{100 + len(self.custom_jobs)}"
        job.create_time = datetime.now(UTC)
        self.custom_jobs.append(job)
        fate = self.fates[min(len(self.custom_jobs), len(self.fates)) - 1]
        self._set_fate(job, fate)
        self.on_create(job)
        return self._json(job)

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        request = self._request(v1.ListCustomJobsRequest, {"parent": PARENT, **query})
        match = re.fullmatch(r'display_name="([^"]*)"', request.filter)
        if match is None:
            self.violate(f"filter: {request.filter}")
        found = [job for job in self.custom_jobs if job.display_name == match[1]]
        return self._json(v1.ListCustomJobsResponse(custom_jobs=found))

    def _cancel(self, job: Any) -> dict[str, Any]:
        if job.state.name.endswith(("SUCCEEDED", "FAILED", "CANCELLED")):
            raise RefusalError(400, f"{job.name} is in a final state")
        self._set_fate(job, CANCELLED)
        return {}

    def _set_fate(self, job: Any, fate: Fate) -> None:
        self._fate[job.name], self._left[job.name] = fate, list(fate.states)
        self._moved_on(job)

    def _moved_on(self, job: Any) -> Any:
        left = self._left[job.name]
        job.state = v1.JobState[f"JOB_STATE_{left.pop(0) if len(left) > 1 else left[0]}"]
        if job.state == v1.JobState.JOB_STATE_FAILED:
            fate = self._fate[job.name]
            job.error = {"code": fate.code, "message": fate.error}
        if job.state == v1.JobState.JOB_STATE_RUNNING and not job.start_time:
            job.start_time = datetime.now(UTC)
        return job

    def _found(self, name: str) -> Any:
        for job in self.custom_jobs:
            if job.name == name:
                return job
        raise RefusalError(404, f"The CustomJob does not exist: {name}")

    def _check(self, job: Any) -> None:
        pools = job.job_spec.worker_pool_specs
        if not 1 <= len(pools) <= 4 or pools[0].replica_count != 1:
            self.violate("the first pool must be one replica")
        for pool in pools:
            machine = pool.machine_spec
            if not pool.container_spec.image_uri or not machine.machine_type:
                self.violate("a pool needs an image and a machine type")
            if bool(machine.accelerator_type) != bool(machine.accelerator_count):
                self.violate("accelerator_type and accelerator_count go together")
        if len(job.display_name) > 128:
            self.violate("display_name is too long")
        for key, value in job.labels.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", f"{key}={value}"):
                self.violate(f"labels: {key}={value}")

    @staticmethod
    def _json(message: Any) -> dict[str, Any]:
        return json_format.MessageToDict(type(message).pb(message))
