"""Paths of a local run."""

from pathlib import Path


class Places:
    """Paths of local runs, all under one output folder.

    Attributes:
        output: the folder itself.
        manifests: `span-N/manifest.csv`, the videos of each span.
        artifacts: TFX's artifacts, one folder per pipeline.
        metadata: ML Metadata's SQLite file.
        schema: the records' schema.
        checkpoints: checkpoints of unfinished training runs.
        summary: the `RunSummary` of the last run.
    """

    def __init__(self, output: Path) -> None:
        self.output = output.resolve()
        self.manifests = self.output / "manifests"
        self.artifacts = self.output / "artifacts"
        self.metadata = self.output / "metadata.db"
        self.schema = self.output / "schema" / "schema.pbtxt"
        self.checkpoints = self.output / "checkpoints"
        self.summary = self.output / "summary.json"

    def serving(self, kind: str) -> Path:
        """Return the folder that models of one kind are pushed to, one version per folder.

        Args:
            kind: a `models.tasks.task.Task.kind`.
        """
        return self.output / "serving" / kind
