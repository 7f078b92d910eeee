"""The type of the report in ML Metadata."""

from tfx.types.artifact import Artifact


class Report(Artifact):
    """A page about a run: `report.html`, complete in itself."""

    # Vertex AI takes the name of a type for the place of its class, with one dot at most.
    TYPE_NAME = "components.Report"
