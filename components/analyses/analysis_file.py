"""The file that an analysis's component writes: `analysis.json` in its artifact's folder."""

from typing import Generic, TypeVar

from pydantic import SerializeAsAny

from data_prep import storage
from data_prep.results import Results

FILE = "analysis.json"


ContentT = TypeVar("ContentT")


class AnalysisFile(Results, Generic[ContentT]):
    """Content of `analysis.json`; `components.analyses.registry.read_analysis` reads it.

    The results are of the type that the named analysis has, which is unknown until the name is
    read.

    Attributes:
        name: name of the analysis.
        results: its results.
    """

    name: str
    results: SerializeAsAny[ContentT]


def write_analysis(folder: str, name: str, results: Results) -> None:
    """Write the results of an analysis into its artifact's folder.

    Args:
        folder: the artifact's URI.
        name: name of the analysis.
        results: of the type that the analysis names.
    """
    AnalysisFile[Results](name=name, results=results).write(storage.join(folder, FILE))
