"""The API of Kubeflow Pipelines v2beta1, as the models of its client library define it.

Every key and value of a request is checked against the models, whose types are generated from the
API's definition, and the pipeline against its protocol buffers.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import kfp_server_api
from api_stand_in import ApiStandIn, RefusalError
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec

API = "/apis/v2beta1"
_FINAL = ("SUCCEEDED", "FAILED", "CANCELED")
_PLAIN = {"str": str, "int": int, "bool": bool, "object": dict}
_LIST_ARGUMENTS = {"namespace", "page_token", "page_size", "sort_by", "filter", "experiment_id"}
_OUTPUT_ONLY = {
    *("run_id", "recurring_run_id", "created_at", "updated_at", "finished_at", "scheduled_at"),
    *("state", "status", "error", "run_details", "state_history", "storage_state"),
}


@dataclass
class KubeflowStandIn(ApiStandIn):
    """The API, with its objects by ID.

    Attributes:
        namespace: the only namespace, for several users; empty for one user.
        token: the bearer token that requests must have; empty for none.
    """

    namespace: str = ""
    token: str = ""
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurring_runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": message, "code": status, "message": message, "details": []}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        if self.token and self.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusalError(401, "Request header error: there is no user identity header.")
        name = path.removeprefix(API)
        for route, form, call in (
            ("GET", "/experiments", self._list_experiments),
            ("POST", "/experiments", self._create_experiment),
            ("GET", "/runs", self._list_runs),
            ("POST", "/runs", self._create_run),
            ("GET", "/runs/[^/:]+", self._get_run),
            ("POST", "/runs/[^/:]+:terminate", self._terminate_run),
            ("GET", "/recurringruns", self._list_recurring_runs),
            ("POST", "/recurringruns", self._create_recurring_run),
            ("DELETE", "/recurringruns/[^/:]+", self._delete_recurring_run),
        ):
            if path.startswith(API) and method == route and re.fullmatch(form, name):
                return call(name.split("/")[-1].partition(":")[0], query, body)
        raise RefusalError(404, f"Not Found: {method} {path}")

    def _list_experiments(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        return self._page("experiments", list(self.experiments.values()), query)

    def _create_experiment(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._check_body("V2beta1Experiment", body)
        if body.get("namespace", "") != self.namespace:
            raise RefusalError(400, f"Invalid namespace: {body.get('namespace')}")
        return self._keep(self.experiments, "experiment_id", body)

    def _list_runs(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        found = [*reversed(self.runs.values())]
        if "experiment_id" in query:
            found = [run for run in found if run["experiment_id"] == query["experiment_id"]]
        elif self.namespace and query.get("namespace") != self.namespace:
            raise RefusalError(400, "ListRuns must filter by namespace or experiment")
        return self._page("runs", found, query)

    def _create_run(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._check_body("V2beta1Run", body)
        self._check_what_runs(body)
        return self._keep(self.runs, "run_id", {**body, "state": "PENDING"})

    def _get_run(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        return self._run(name)

    def _terminate_run(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        if self._run(name)["state"] in _FINAL:
            raise RefusalError(400, f"Run {name} has already finished")
        self._run(name)["state"] = "CANCELING"
        return {}

    def _list_recurring_runs(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        if self.namespace and query.get("namespace") != self.namespace:
            raise RefusalError(400, "ListRecurringRuns must filter by namespace or experiment")
        return self._page("recurringRuns", list(self.recurring_runs.values()), query)

    def _create_recurring_run(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._check_body("V2beta1RecurringRun", body)
        self._check_what_runs(body)
        cron = body["trigger"]["cron_schedule"]["cron"]
        if not re.fullmatch(r"0( [^\s=]+){5}", cron):
            self.violate(f"cron: must have six fields, got {cron}")
        if body["mode"] != "ENABLE" or body["max_concurrency"] != "1":
            self.violate(f"mode and max_concurrency: {body['mode']}, {body['max_concurrency']}")
        return self._keep(self.recurring_runs, "recurring_run_id", {**body, "status": "ENABLED"})

    def _delete_recurring_run(self, name: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        if name not in self.recurring_runs:
            raise RefusalError(404, f"Job {name} not found")
        del self.recurring_runs[name]
        return {}

    def _run(self, name: str) -> dict[str, Any]:
        if name not in self.runs:
            raise RefusalError(404, f"Run {name} not found")
        return self.runs[name]

    def _keep(self, kept: dict[str, Any], key: str, body: dict[str, Any]) -> dict[str, Any]:
        identity = str(uuid.uuid4())
        kept[identity] = {**body, key: identity, "created_at": datetime.now(UTC).isoformat()}
        return kept[identity]

    def _page(self, key: str, found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        if unknown := query.keys() - _LIST_ARGUMENTS:
            self.violate(f"{key}: unknown arguments {unknown}")
        if "namespace" in query and not self.namespace:
            raise RefusalError(400, "In single-user mode, a list cannot be filtered by namespace")
        if "filter" in query:
            filter_ = json.loads(query["filter"])
            self._check_model("V2beta1Filter", filter_, "filter")
            for predicate in filter_["predicates"]:
                name = predicate["string_value"]
                found = [each for each in found if each[predicate["key"]] == name]
        size, start = int(query.get("page_size") or 10), int(query.get("page_token") or 0)
        more = str(start + size) if start + size < len(found) else ""
        page = found[start : start + size]
        return {key: page, "total_size": len(found), "next_page_token": more} if page else {}

    def _check_body(self, model: str, body: Any) -> None:
        self._check_model(model, body, model)
        if given := _OUTPUT_ONLY & body.keys():
            self.violate(f"{model}: output only: {given}")
        if not body.get("display_name"):
            self.violate(f"{model}: display_name is required")

    def _check_what_runs(self, body: dict[str, Any]) -> None:
        if body.get("experiment_id") not in self.experiments:
            raise RefusalError(404, f"Experiment {body.get('experiment_id')} not found")
        spec, platform = body["pipeline_spec"], {}
        if "pipeline_spec" in spec:
            if spec.keys() != {"pipeline_spec", "platform_spec"}:
                self.violate(f"pipeline_spec: {spec.keys()}")
            spec, platform = spec["pipeline_spec"], spec["platform_spec"]
        try:
            json_format.ParseDict(spec, PipelineSpec())
            json_format.ParseDict(platform, PlatformSpec())
        except json_format.ParseError as error:
            self.violate(f"pipeline_spec: {error}")

    def _check_model(self, kind: str, value: Any, where: str) -> None:
        """Check a value against a type as the library's models name it."""
        if value is None:
            self.violate(f"{where}: null")
        if match := re.fullmatch(r"list\[(.+)\]", kind):
            for item in value:
                self._check_model(match[1], item, where)
        elif match := re.fullmatch(r"dict\(str, (.+)\)", kind):
            for item in value.values():
                self._check_model(match[1], item, where)
        elif kind == "datetime":
            datetime.fromisoformat(value)
        elif kind in _PLAIN:
            if not isinstance(value, _PLAIN[kind]):
                self.violate(f"{where}: must be {kind}, got {value!r}")
        elif values := getattr(getattr(kfp_server_api, kind), "allowable_values", None):
            if value not in values:
                self.violate(f"{where}: must be one of {values}, got {value!r}")
        else:
            self._check_keys(getattr(kfp_server_api, kind), value, where)

    def _check_keys(self, model: Any, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            self.violate(f"{where}: must be an object, got {value!r}")
        names = {json_name: name for name, json_name in model.attribute_map.items()}
        for key, inner in value.items():
            if key not in names:
                self.violate(f"{where}: unknown key {key}")
            self._check_model(model.openapi_types[names[key]], inner, f"{where}.{key}")
