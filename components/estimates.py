"""Estimates with their 95 % intervals.

Public names: `Estimate` (a value and the half-width of its interval), `mean_with_interval(values,
share=...)` for plain values, `Moments` for values that arrive in parts (the Evaluator's metric),
and `SeedEstimate` with `over_seeds(cells)` for the mean over training seeds.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import special

from data_prep.results import Results
from models.measures import half_width

Key = TypeVar("Key", bound=Hashable)


class Estimate(Results):
    """A mean over examples, in the unit of its measure.

    Attributes:
        value: the mean.
        half_width: half the width of its 95 % interval; None for published figures and for single
            examples, which say nothing about the spread.
    """

    value: float
    half_width: float | None = None


class SeedEstimate(Estimate):
    """A mean over training seeds.

    Attributes:
        value: the mean over the seeds.
        half_width: half the width of its 95 % interval over examples and seeds; None if a seed
            has none, so that the spread of the examples is unknown.
        seeds: the value of each seed.
    """

    seeds: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over examples from which means and their errors follow.

    Attributes:
        count: number of examples.
        total: sums of `k` quantities, float64 `[k]`.
        products: sums of their products, float64 `[k, k]`.
    """

    count: float
    total: np.ndarray
    products: np.ndarray

    @classmethod
    def over(cls, rows: np.ndarray) -> "Moments":
        """Sum up rows.

        Args:
            rows: float `[N, k]`, one row per example; `N` may be 0. A missing value is NaN, and
                an infinite one counts as missing.
        """
        rows = np.asarray(rows, np.float64)
        with np.errstate(invalid="ignore"):
            return cls(float(len(rows)), rows.sum(axis=0), rows.T @ rows)

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of examples."""
        with np.errstate(invalid="ignore"):
            return Moments(
                self.count + other.count, self.total + other.total, self.products + other.products
            )

    def mean(self, index: int) -> Estimate | None:
        """Estimate the mean of one quantity; None without examples or if a value is missing."""
        if not self._is_known(index):
            return None
        half = self._half_width(self._covariance(index, index))
        return Estimate(value=self._mean(index), half_width=half)

    def share(self, index: int) -> Estimate | None:
        """Estimate the mean of a quantity in [0, 1]; None as for `mean`.

        The half-width is that of Agresti and Coull (1998): two more examples of either kind keep
        it above 0 where all examples agree.
        """
        if not self._is_known(index):
            return None
        count = self.count + 4
        share = (self.total[index] + 2) / count
        variance = (self.products[index, index] + 2) / count - share**2
        return Estimate(value=self._mean(index), half_width=half_width(variance, count))

    def ratio(self, numerator: int, denominator: int) -> Estimate | None:
        """Estimate the ratio of two means over the same examples, by the delta method.

        Returns:
            The estimate; None as for `mean`, and if the denominator is 0 or too close to it.
        """
        known = self._is_known(numerator) and self._is_known(denominator)
        if not known or self.total[denominator] == 0:
            return None
        below = self._mean(denominator)
        ratio = self._mean(numerator) / below
        if not math.isfinite(ratio):
            return None
        variance = (
            self._covariance(numerator, numerator)
            - 2 * ratio * self._covariance(numerator, denominator)
            + ratio * ratio * self._covariance(denominator, denominator)
        )
        half = self._half_width(variance)
        return Estimate(value=ratio, half_width=_finite(half / abs(below) if half else half))

    def _is_known(self, index: int) -> bool:
        return self.count > 0 and math.isfinite(self.products[index, index])

    def _mean(self, index: int) -> float:
        return float(self.total[index] / self.count)

    def _covariance(self, i: int, j: int) -> float:
        centered = self.products[i, j] / self.count - self._mean(i) * self._mean(j)
        return centered * self.count / max(self.count - 1, 1)

    def _half_width(self, variance: float) -> float | None:
        return half_width(variance, self.count) if self.count > 1 else None


def mean_with_interval(values: Sequence[float], *, share: bool) -> Estimate | None:
    """Estimate a mean as the Evaluator does.

    Args:
        values: one value per example.
        share: whether the values lie in [0, 1] and the mean is a share.

    Returns:
        The estimate; None without values.
    """
    moments = Moments.over(np.asarray(values, np.float64)[:, None])
    return moments.share(0) if share else moments.mean(0)


def over_seeds(cells: Mapping[Key, Sequence[Estimate | None]]) -> dict[Key, SeedEstimate]:
    """Average the estimates of several seeds in every cell of a table.

    Two sources of error are added in squares. The held-out examples: the mean of the seeds' own
    half-widths, undiminished, because all seeds share the examples. The seeds: Student's t with
    the cell's own spread, since some systems vary much more than others. A cell with one seed has
    the first error alone.

    Args:
        cells: key -> the estimate of each seed; None if a seed has none.

    Returns:
        key -> the average; cells without seeds, or with a seed that has no estimate, are left out.
        A single example has an estimate without an interval, and so has its average.
    """
    known = {key: [seed for seed in seeds if seed] for key, seeds in cells.items()}
    whole = {key: seeds for key, seeds in known.items() if seeds and len(seeds) == len(cells[key])}
    return {key: _average(seeds) for key, seeds in whole.items()}


def _average(seeds: Sequence[Estimate]) -> SeedEstimate:
    values, count = np.array([seed.value for seed in seeds]), len(seeds)
    between = 0.0
    if count > 1:
        # Student's t at 97.5 %.
        between = special.stdtrit(count - 1, 0.975) * values.std(ddof=1) / math.sqrt(count)
    return SeedEstimate(
        value=float(values.mean()),
        half_width=_together([seed.half_width for seed in seeds], float(between)),
        seeds=tuple(values.tolist()),
    )


def _together(examples: Sequence[float | None], between: float) -> float | None:
    """Add the errors of the examples and of the seeds; unknown if one of the former is."""
    known = [half for half in examples if half is not None]
    if len(known) < len(examples):
        return None
    return math.hypot(sum(known) / len(known), between)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
