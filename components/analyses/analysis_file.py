"""The file that an analysis's component writes: `analysis.json` in its artifact's folder."""

from pydantic import SerializeAsAny

from data_prep import storage
from data_prep.results import Results

FILE = "analysis.json"


class AnalysisFile(Results):
    """Content of `analysis.json`; `components.analyses.registry.read_analysis` reads it.

    Attributes:
        name: name of the analysis.
        results: its results.
    """

    name: str
    results: SerializeAsAny[Results]


def write_analysis(folder: str, name: str, results: Results) -> None:
    """Write the results of an analysis into its artifact's folder.

    Args:
        folder: the artifact's URI.
        name: name of the analysis.
        results: of the type that the analysis names.
    """
    AnalysisFile(name=name, results=results).write(storage.join(folder, FILE))
