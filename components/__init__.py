"""TFX components of our own, a folder each."""

import importlib

_ARTIFACTS = {"Analysis": "components.analyses.artifact", "Report": "components.report.artifact"}


def __getattr__(name: str):
    """Give an artifact's class by its type's name, `components.NAME`, as Vertex AI looks for it."""
    # Only when asked for: TFX takes seconds to load.
    if name in _ARTIFACTS:
        return getattr(importlib.import_module(_ARTIFACTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
