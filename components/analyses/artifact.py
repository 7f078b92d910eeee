"""The artifact type of an analysis in ML Metadata."""

from tfx.types.artifact import Artifact


class AnalysisArtifact(Artifact):
    """A folder with `analysis.json`; see `components.analyses.analysis_file`."""

    # Vertex AI looks the class up by this name, which may hold one dot at most.
    TYPE_NAME = "components.Analysis"
