"""Spreading of the mixture types over a split: every prefix has nearly its shares."""

import math
from collections.abc import Iterator, Mapping
from itertools import count

from data_prep.mixing.mixture_types import MIXTURE_TYPES

_ROUNDING = 1e-9  # of a share times a number of mixtures


def spread(shares: Mapping[str, float]) -> Iterator[str]:
    """Yield the type of mixture 0, 1, 2, ... without end.

    The first type with a share, in the order of `MIXTURE_TYPES`, fills the places that the others
    leave. The number of mixtures of another type that are due among the first n is `n * share`,
    rounded down, so with two types the second one has exactly that many. With up to three types,
    the count of each differs from `n * share` by less than 1, for every n.

    Args:
        shares: share of each type, by name; they sum to 1.

    Yields:
        Names of mixture types.
    """
    first, *others = (name for name in MIXTURE_TYPES if shares.get(name, 0) > 0)
    counts = dict.fromkeys((first, *others), 0)
    for number in count(1):
        debts = {name: number * shares[name] - counts[name] for name in counts}
        due = [name for name in others if math.floor(number * shares[name]) > counts[name]]
        fill = not others or debts[first] > -_ROUNDING
        candidates = due or ([first] if fill else others)
        chosen = max(reversed(candidates), key=debts.__getitem__)
        counts[chosen] += 1
        yield chosen
