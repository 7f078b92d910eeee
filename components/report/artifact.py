"""The artifact type of the report in ML Metadata."""

from tfx.types.artifact import Artifact


class ReportArtifact(Artifact):
    """A folder with `report.html`, complete in itself, and the long lists that it cuts."""

    # Vertex AI looks the class up by this name, which may hold one dot at most.
    TYPE_NAME = "components.Report"
