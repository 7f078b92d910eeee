import math
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.spreading import spread, spread_within


def first(count, shares):
    return list(islice(spread(shares), count))


SHARES = [0.0, 0.1, 0.29, 1 / 3, 0.5, 0.65, 0.7, 0.999, 1.0]


@pytest.mark.parametrize("share", [*SHARES, *np.random.default_rng(0).uniform(size=40)])
def test_two_types_are_a_share_rounded_down_of_the_second_in_every_prefix(share):
    share = float(share)
    types = first(500, {"transparency": 1 - share, "occlusion": share})
    # The rule by which data sets were made before there were more than two types.
    expected = [
        "occlusion" if math.floor((i + 1) * share) > math.floor(i * share) else "transparency"
        for i in range(500)
    ]
    assert types == expected


def random_shares(count):
    rng = np.random.default_rng(1)
    for alpha in (0.2, 1, 5):
        yield from rng.dirichlet([alpha] * 3, count).tolist()
    yield from ([0.02, 0.49, 0.49], [0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3], [0.0, 0.5, 0.5])


def test_the_count_of_each_of_three_types_differs_from_its_share_by_less_than_one():
    for values in random_shares(60):
        shares = dict(zip(MIXTURE_TYPES, values, strict=True))
        types = np.array(first(300, shares))
        for name, share in shares.items():
            counts = np.cumsum(types == name)
            assert np.abs(counts - share * np.arange(1, 301)).max() < 1 + 1e-6, shares


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1 / 3, 0.5, 0.29, 0.999, 1.0])
def test_every_type_has_its_part_of_a_share_in_every_prefix(share):
    for values in random_shares(10):
        shares = dict(zip(MIXTURE_TYPES, values, strict=True))
        types = np.array(first(400, shares))
        belongs = np.array(list(islice(spread_within(share, shares), 400)))
        for name in MIXTURE_TYPES:
            own = belongs[types == name]
            expected = share * np.arange(1, len(own) + 1)
            assert np.abs(np.cumsum(own) - expected).max(initial=0) < 1 + 1e-6, (share, shares)


@pytest.mark.parametrize("share", SHARES)
def test_a_share_of_one_type_is_rounded_down_in_every_prefix(share):
    belongs = list(islice(spread_within(share, {"occlusion": 1.0}), 500))
    exact = Fraction(share).limit_denominator(1000)
    assert np.cumsum(belongs).tolist() == [math.floor(k * exact) for k in range(1, 501)]


def test_mixtures_that_belong_are_apart_and_of_both_types_alike():
    shares = {"transparency": 0.5, "occlusion": 0.5}
    places = np.flatnonzero(list(islice(spread_within(0.25, shares), 200)))
    assert places.tolist() == sorted([*range(3, 200, 8), *range(6, 200, 8)])
    types = np.array(first(200, shares))[places]
    assert (types == "occlusion").sum() == (types == "transparency").sum() == 25


def test_types_without_a_share_do_not_occur():
    assert set(first(20, {"transparency": 0.0, "occlusion": 1.0})) == {"occlusion"}
    assert set(first(20, {"reflection": 1.0})) == {"reflection"}
    types = first(20, {"occlusion": 0.5, "reflection": 0.5})
    assert types == ["occlusion", "reflection"] * 10
