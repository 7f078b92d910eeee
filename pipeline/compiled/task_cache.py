"""The cache of outputs, with what the platforms take for an equal task."""

import hashlib
import json

from data_prep import storage
from pipeline.compiled.task_call import TaskCall
from pipeline.compiled.task_records import CacheEntry, TaskOutputs
from pipeline.package_versions import package_versions


class TaskCache:
    """Outputs of tasks that succeeded, one file each."""

    def __init__(self, folder: str, pipeline: str) -> None:
        """Create the cache.

        Args:
            folder: folder of the files.
            pipeline: name of the pipeline. As on the platforms, other ones share nothing with it.
        """
        self._folder = folder
        self._pipeline = pipeline

    def find(self, call: TaskCall) -> CacheEntry | None:
        """Return the outputs of an equal call that are still there, or None."""
        if not call.task.cached or not storage.exists(file := self._file(call)):
            return None
        entry = CacheEntry.read(file)
        return entry if all(map(storage.exists, entry.present)) else None

    def add(self, call: TaskCall, outputs: TaskOutputs) -> None:
        """Keep the outputs of a call, for later ones that are equal."""
        if call.task.cached:
            places = [artifact.uri for artifact in outputs.artifacts.values()]
            present = tuple(p for p in places if storage.is_local(p) and storage.exists(p))
            CacheEntry(run_id=call.run_id, outputs=outputs, present=present).write(self._file(call))

    def _file(self, call: TaskCall) -> str:
        task = call.task
        key = {
            "pipeline": self._pipeline,
            "component": task.definition,
            "body": task.body.identity(),
            # This environment stands for the image, which has them for good.
            "packages": dict(package_versions()),
            "parameters": dict(call.parameters),
            "artifacts": {key: [found.name, found.uri] for key, found in call.artifacts.items()},
        }
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return storage.join(self._folder, f"{digest}.json")
