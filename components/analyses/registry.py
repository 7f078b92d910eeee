"""The registry of analyses. A new analysis is one entry here; see `components.analyses.analysis`.

Public names: `ANALYSES` (name -> `Analysis`), `get_analysis(name)`, `load_results(name, values,
where)` and `read_analysis(folder)`.
"""

from typing import Any

from components.analyses.action_recognition.recognition_analysis import ActionRecognitionAnalysis
from components.analyses.analysis import Analysis
from components.analyses.analysis_file import FILE, AnalysisFile
from components.analyses.control_shift.shift_analysis import ControlShiftAnalysis
from data_prep import storage
from data_prep.registry import lookup
from data_prep.results import Results
from data_prep.settings import load

ANALYSES: dict[str, Analysis[Any, Any]] = {
    analysis.name: analysis for analysis in (ActionRecognitionAnalysis(), ControlShiftAnalysis())
}
"""Every analysis by name, in the order of the pipeline, the page and the study."""


def get_analysis(name: str) -> Analysis[Any, Any]:
    """Return the analysis of this name.

    Raises:
        UserError: there is none; the message lists the registered ones.
    """
    return lookup(ANALYSES, name, "analysis")


def load_results(name: str, values: object, where: str) -> Results:
    """Validate the results of an analysis.

    Args:
        name: the analysis.
        values: keys and values, as read from JSON; results of the right type are returned as is.
        where: where they come from; errors begin with it.

    Raises:
        UserError: there is no such analysis, or the values are not its results.
    """
    kind = get_analysis(name).results
    return values if isinstance(values, kind) else load(kind, values, where)


def read_analysis(folder: str) -> AnalysisFile[Results]:
    """Read the results of an analysis from its artifact's folder.

    Args:
        folder: the artifact's URI.

    Raises:
        UserError: the file is missing, or does not hold the results of a registered analysis.
    """
    uri = storage.join(folder, FILE)
    stored = AnalysisFile[dict[str, Any]].read(uri)
    results = load_results(stored.name, stored.results, uri)
    return AnalysisFile[Results](name=stored.name, results=results)
