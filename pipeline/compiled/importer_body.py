"""Imports of artifacts that exist already."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from pipeline.compiled.task_body import TaskBody, TaskFailedError
from pipeline.compiled.task_records import StoredArtifact, TaskOutputs

if TYPE_CHECKING:
    from pipeline.compiled.task_call import TaskCall


@dataclass(frozen=True)
class ImporterBody(TaskBody):
    """Makes an artifact of something that exists.

    Attributes:
        uri: where it is; empty to read that from a parameter.
        parameter: name of the parameter.
        metadata: its properties.
        reimport: whether each run gets another artifact, in place of the one that it had before.
    """

    uri: str
    parameter: str
    metadata: Mapping[str, JsonValue]
    reimport: bool

    def identity(self) -> JsonValue:
        """Return the place and the properties."""
        return [self.uri, self.parameter, dict(self.metadata), self.reimport]

    def perform(self, call: "TaskCall") -> TaskOutputs:
        """Return the artifact; whether its content exists is up to those that read it."""
        uri = str(call.parameters.get(self.parameter, "")) if self.parameter else self.uri
        if not uri:
            raise TaskFailedError("artifact_uri: must be the URI of an artifact, got nothing")
        return TaskOutputs(
            artifacts={key: self._found(new, uri) for key, new in call.new_artifacts.items()}
        )

    def _found(self, new: StoredArtifact, uri: str) -> StoredArtifact:
        metadata = {**new.metadata, **self.metadata}
        content = json.dumps([uri, new.type, metadata], sort_keys=True)
        name = f"artifacts/imported/{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        return new.model_copy(
            update={
                "name": new.name if self.reimport else name,
                "uri": uri,
                "metadata": metadata,
            }
        )
