"""Spreading of the mixture types over a split: every prefix has nearly its shares.

Public names: `spread(shares)` for the types, and `spread_within(share, shares)` for a share of the
mixtures of every type.
"""

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


def spread_within(share: float, shares: Mapping[str, float]) -> Iterator[bool]:
    """Yield whether mixture 0, 1, 2, ... belongs to a share of the mixtures of its type.

    Each type has its part, so belonging says nothing about the type: among the first k mixtures of
    a type, the number that belong differs from `k * share` by less than 1. The types start in turn,
    so that the mixtures that belong do not lie beside each other. With one type, it is the share
    rounded down.

    Args:
        share: share of the mixtures of each type, in [0, 1].
        shares: share of each type, by name; they sum to 1.

    Yields:
        True for the mixtures that belong.
    """
    names = [name for name in MIXTURE_TYPES if shares.get(name, 0) > 0]
    starts = {name: place / len(names) + _ROUNDING for place, name in enumerate(names)}
    counts = dict.fromkeys(names, 0)
    for name in spread(shares):
        before = math.floor(counts[name] * share + starts[name])
        counts[name] += 1
        yield math.floor(counts[name] * share + starts[name]) > before
