"""The artifact type of the report in ML Metadata."""

from tfx.types.artifact import Artifact

ENDING = "ending"
"""Property of the report: how the run ended, a `components.run_outcome.Ending`."""


class ReportArtifact(Artifact):
    """A folder with `report.html`, complete in itself, and the long lists that it cuts."""

    # Vertex AI looks the class up by this name, which may hold one dot at most.
    TYPE_NAME = "components.Report"
