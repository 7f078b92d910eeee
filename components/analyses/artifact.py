"""What an analysis of a model is, as an artifact: one JSON file, `analysis.json`."""

import json
import os
from collections.abc import Sequence

import numpy as np
from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact

from components.evaluation.mean_scalars import summarise

_FILE = "analysis.json"


class Analysis(Artifact):
    """A folder with `analysis.json`."""

    # Vertex AI takes the name of a type for the place of its class, with one dot at most.
    TYPE_NAME = "components.Analysis"


def write_analysis(folder: str, analysis: dict) -> None:
    """Write `analysis.json` into an artifact's folder, here or remote."""
    with fileio.open(os.path.join(folder, _FILE), "w") as file:
        file.write(json.dumps(analysis, indent=2, allow_nan=False) + "\n")


def read_analysis(folder: str) -> dict:
    """Read what `write_analysis` wrote."""
    with fileio.open(os.path.join(folder, _FILE)) as file:
        return json.loads(file.read())


def mean_with_interval(name: str, values: Sequence[float]) -> dict[str, float | None]:
    """Return the mean of some mixtures' values with its interval, as the Evaluator computes them.

    Args:
        name: what the values are.
        values: one a mixture.

    Returns:
        `NAME` and `NAME_interval`, the half-width of its 95 % interval; None where there are no
        values.
    """
    keys = (name, f"{name}_interval")
    if not len(values):
        return dict.fromkeys(keys)
    column = np.asarray(values, np.float64)[:, None]
    found = summarise([name], len(column), column.sum(axis=0), column.T @ column)
    return {key: found[key] for key in keys}
