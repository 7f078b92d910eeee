"""Vertex AI's API of pipelines and schedules, as its messages define it.

Each request is parsed strictly into the public message of its method. The messages' documentation,
which is generated from the API's definition, says which fields are required or output only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from api_stand_in import ApiStandIn, RefusalError
from google.cloud import aiplatform_v1 as v1
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

PARENT = "projects/my-project/locations/us-central1"
_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,126}[a-z0-9]")
_CRON = re.compile(r"(CRON_TZ=[A-Za-z_/+-]+ )?[^\s=]+( [^\s=]+){4}")
_FINAL = (v1.PipelineState.PIPELINE_STATE_SUCCEEDED, v1.PipelineState.PIPELINE_STATE_FAILED)


@dataclass
class VertexStandIn(ApiStandIn):
    """The API, with its jobs and schedules by name."""

    jobs: dict[str, Any] = field(default_factory=dict)
    schedules: dict[str, Any] = field(default_factory=dict)

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"code": status, "message": message, "status": "FAILED"}}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        query.pop("$alt", None)
        name = path.removeprefix("/v1/")
        for route, form, call in (
            ("POST", rf"{PARENT}/pipelineJobs", self._create_job),
            ("GET", rf"{PARENT}/pipelineJobs", self._list_jobs),
            ("GET", rf"{PARENT}/pipelineJobs/[^/:]+", self._get_job),
            ("POST", rf"{PARENT}/pipelineJobs/[^/:]+:cancel", self._cancel_job),
            ("POST", rf"{PARENT}/schedules", self._create_schedule),
            ("GET", rf"{PARENT}/schedules", self._list_schedules),
            ("GET", rf"{PARENT}/schedules/[^/:]+", self._get_schedule),
            ("PATCH", rf"{PARENT}/schedules/[^/:]+", self._update_schedule),
            ("POST", rf"{PARENT}/schedules/[^/:]+:resume", self._resume_schedule),
            ("DELETE", rf"{PARENT}/schedules/[^/:]+", self._delete_schedule),
        ):
            if method == route and re.fullmatch(form, name):
                return call(re.sub(r"(/pipelineJobs|/schedules|:\w+)$", "", name), query, body)
        raise RefusalError(404, f"Requested entity was not found: {method} {name}")

    def _create_job(self, parent: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        request = self._request(
            v1.CreatePipelineJobRequest, {"parent": parent, "pipelineJob": body, **query}
        )
        self._check_job(request.pipeline_job)
        if not _JOB_ID.fullmatch(request.pipeline_job_id):
            self.violate(f"pipeline_job_id: {request.pipeline_job_id}")
        job = request.pipeline_job
        job.name = f"{parent}/pipelineJobs/{request.pipeline_job_id}"
        if job.name in self.jobs:
            raise RefusalError(409, f"{job.name} already exists")
        job.state = v1.PipelineState.PIPELINE_STATE_PENDING
        job.create_time = datetime.now(UTC)
        self.jobs[job.name] = job
        return _json(job)

    def _list_jobs(self, parent: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        request = self._request(v1.ListPipelineJobsRequest, {"parent": parent, **query})
        if request.order_by != "create_time desc":
            self.violate(f"order_by: {request.order_by}")
        found = [job for job in reversed(self.jobs.values()) if _matches(job, request.filter)]
        size, start = request.page_size or 100, int(request.page_token or 0)
        page = found[start : start + size]
        more = str(start + size) if start + size < len(found) else ""
        return _json(v1.ListPipelineJobsResponse(pipeline_jobs=page, next_page_token=more))

    def _get_job(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._request(v1.GetPipelineJobRequest, {"name": name, **query})
        return _json(self._job(name))

    def _cancel_job(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._request(v1.CancelPipelineJobRequest, {"name": name, **query, **(body or {})})
        job = self._job(name)
        if job.state in _FINAL:
            raise RefusalError(400, f"{name} is in a final state")
        job.state = v1.PipelineState.PIPELINE_STATE_CANCELLING
        return {}

    def _create_schedule(self, parent: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        request = self._request(
            v1.CreateScheduleRequest, {"parent": parent, "schedule": body, **query}
        )
        schedule = request.schedule
        self._check_schedule(schedule)
        schedule.name = f"{parent}/schedules/{1000 + len(self.requests)}"
        schedule.state = v1.Schedule.State.ACTIVE
        schedule.next_run_time = datetime(2030, 1, 1, 3, tzinfo=UTC)
        self.schedules[schedule.name] = schedule
        return _json(schedule)

    def _list_schedules(self, parent: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        request = self._request(v1.ListSchedulesRequest, {"parent": parent, **query})
        found = [each for each in self.schedules.values() if _matches(each, request.filter)]
        return _json(v1.ListSchedulesResponse(schedules=found))

    def _get_schedule(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._request(v1.GetScheduleRequest, {"name": name, **query})
        return _json(self._schedule(name))

    def _update_schedule(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        schedule = {**body, "name": name}  # the address has it in place of the body
        request = self._request(v1.UpdateScheduleRequest, {"schedule": schedule, **query})
        known = self._schedule(name)
        if known.state == v1.Schedule.State.COMPLETED:
            raise RefusalError(400, f"{name} is completed")
        for path in request.update_mask.paths:
            setattr(known, path, getattr(request.schedule, path))
        self._check_schedule(known)
        return _json(known)

    def _resume_schedule(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._request(v1.ResumeScheduleRequest, {"name": name, **query, **(body or {})})
        self._schedule(name).state = v1.Schedule.State.ACTIVE
        return {}

    def _delete_schedule(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._request(v1.DeleteScheduleRequest, {"name": name, **query})
        del self.schedules[self._schedule(name).name]
        empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
        return {"name": f"{PARENT}/operations/1", "done": True, "response": empty}

    def _request(self, cls: Any, values: dict[str, Any]) -> Any:
        """Return a request, parsed strictly, with all that it must have."""
        message = cls()
        try:
            json_format.ParseDict(values, cls.pb(message))
        except json_format.ParseError as error:
            self.violate(f"{cls.__name__}: {error}")
        for problem in _problems(message):
            self.violate(f"{cls.__name__}: {problem}")
        return message

    def _check_job(self, job: Any) -> None:
        spec = json_format.MessageToDict(v1.PipelineJob.pb(job))["pipelineSpec"]
        try:
            json_format.ParseDict(spec, PipelineSpec())
        except json_format.ParseError as error:
            self.violate(f"pipeline_spec: {error}")
        if not job.runtime_config.gcs_output_directory.startswith("gs://"):
            self.violate("runtime_config.gcs_output_directory must be set")
        for key, value in job.labels.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", f"{key}={value}"):
                self.violate(f"labels: {key}={value}")

    def _check_schedule(self, schedule: Any) -> None:
        request = schedule.create_pipeline_job_request
        if request.parent != PARENT:
            self.violate(f"schedule: parent of the request: {request.parent}")
        if request.pipeline_job_id:
            self.violate("schedule: a job ID would be taken at the second run")
        self._check_job(request.pipeline_job)
        if not _CRON.fullmatch(schedule.cron):
            self.violate(f"schedule.cron: {schedule.cron}")
        if len(schedule.display_name) > 128:
            self.violate("schedule.display_name is too long")

    def _job(self, name: str) -> Any:
        if name not in self.jobs:
            raise RefusalError(404, f"The PipelineJob does not exist: {name}")
        return self.jobs[name]

    def _schedule(self, name: str) -> Any:
        if name not in self.schedules:
            raise RefusalError(404, f"The Schedule does not exist: {name}")
        return self.schedules[name]


def _problems(message: Any) -> Iterator[str]:
    """Yield the required fields that a message lacks, and the output-only ones that it has."""
    words = _behaviors(type(message))
    for name, field_ in type(message).meta.fields.items():
        is_set = name in message and bool(getattr(message, name))
        if words.get(name) == "Required" and not is_set:
            yield f"{name} is required"
        if words.get(name) == "Output only" and is_set:
            yield f"{name} is output only"
        inner = field_.message
        if is_set and not field_.repeated and hasattr(inner, "meta") and field_.proto_type == 11:
            yield from _problems(getattr(message, name))


@cache
def _behaviors(cls: Any) -> dict[str, str]:
    """Return field -> `Required`, `Output only`, ... as the documentation of a message begins."""
    found = re.findall(r"^ +(\w+) \([^)]*\):\n +(Required|Output only)\b", cls.__doc__, re.M)
    return dict(found)


def _matches(thing: Any, filter_: str) -> bool:
    if not filter_:
        return True
    match = re.fullmatch(r'display_name="([^"]*)"', filter_)
    if match is None:
        raise RefusalError(400, f"Invalid filter: {filter_}")
    return thing.display_name == match[1]


def _json(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(type(message).pb(message))
