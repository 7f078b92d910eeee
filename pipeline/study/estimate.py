"""A figure over seeds and examples, with its uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


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


def over_seeds(values: Sequence[float], intervals: Sequence[float]) -> Estimate:
    """Average what several seeds gave on the same examples.

    Two things are uncertain, and their half-widths are added in squares: which examples were held
    out, for which the mean of the seeds' own half-widths stands, undiminished since they share the
    examples; and which seed was drawn, by Student's t over the seeds' values. Of one seed only
    the first is known.

    Args:
        values: each seed's mean over the examples.
        intervals: the half-width of each one's 95 % interval over the examples.
    """
    examples = float(np.mean(intervals))
    seeds = 0.0
    if len(values) > 1:
        t = stats.t.ppf(0.975, df=len(values) - 1)
        seeds = t * np.std(values, ddof=1) / math.sqrt(len(values))
    return Estimate(float(np.mean(values)), math.hypot(examples, seeds), tuple(values))
