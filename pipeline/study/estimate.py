"""Figures over seeds and examples, with their uncertainty."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import stats

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A mean with the half-width of its 95 % interval.

    Attributes:
        mean: over the seeds.
        interval: the half-width.
        seeds: each seed's own value.
    """

    mean: float
    interval: float
    seeds: tuple[float, ...]


def over_seeds(cells: Mapping[Key, Sequence[tuple[float, float]]]) -> dict[Key, Estimate]:
    """Average what several seeds gave, in every cell of one column of a table.

    Two things are uncertain, and their half-widths are added in squares. Which examples were held
    out: the mean of the seeds' own half-widths stands for it, undiminished since all seeds share
    the examples. Which seeds were drawn: Student's t, with the seeds' spread pooled over the
    column, as in an analysis of variance, since a few seeds a cell say little about it. A cell of
    one seed has the first alone.

    Args:
        cells: key -> of each seed, the mean over the examples and the half-width of its 95 %
            interval over the examples.
    """
    values = {key: [value for value, _ in seeds] for key, seeds in cells.items()}
    squares = sum(np.sum((np.array(own) - np.mean(own)) ** 2) for own in values.values())
    freedom = sum(len(own) - 1 for own in values.values())
    found = {}
    for key, seeds in cells.items():
        examples = float(np.mean([half for _, half in seeds]))
        between = 0.0
        if len(seeds) > 1:
            spread = math.sqrt(squares / freedom)
            between = stats.t.ppf(0.975, df=freedom) * spread / math.sqrt(len(seeds))
        mean = float(np.mean(values[key]))
        found[key] = Estimate(mean, math.hypot(examples, between), tuple(values[key]))
    return found
