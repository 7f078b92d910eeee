"""TFX components of our own, one folder each.

`components.NAME` gives the class of the artifact type `components.NAME`, by which Vertex AI looks
it up.
"""

import importlib

_ARTIFACTS = {
    "Analysis": ("components.analyses.artifact", "AnalysisArtifact"),
    "Report": ("components.report.artifact", "ReportArtifact"),
}


def __getattr__(name: str) -> type:
    """Return the class of an artifact type."""
    if name not in _ARTIFACTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Imported when asked for, because TFX takes seconds to load.
    module, artifact = _ARTIFACTS[name]
    return getattr(importlib.import_module(module), artifact)
