"""Intervals: of means, shares and ratios, and over seeds."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from components.estimates import (
    Estimate,
    Moments,
    SeedEstimate,
    mean_with_interval,
    over_seeds,
)


def test_mean_has_the_interval_of_its_standard_error():
    values = np.random.default_rng(0).uniform(0.1, 0.5, 40)
    found = mean_with_interval(values.tolist(), share=False)
    assert found.value == pytest.approx(values.mean())
    assert found.half_width == pytest.approx(1.96 * values.std(ddof=1) / np.sqrt(40))


def test_share_has_two_more_examples_of_either_kind(half_width):
    found = mean_with_interval([1.0, 1.0, 0.0], share=True)
    assert found.value == pytest.approx(2 / 3)
    assert found.half_width == half_width([1, 1, 0])


@pytest.mark.parametrize("count", [1, 10, 120])
def test_shares_of_examples_that_agree_are_not_certain(count):
    # Wilson's interval of such a share ends at n / (n + z^2).
    found = mean_with_interval([1.0] * count, share=True)
    z2 = 1.96**2
    below = 1 - count / (count + z2)
    assert found.value == 1
    assert below / 2 < found.half_width < 1.5 * below


def test_one_example_says_nothing_about_the_spread_and_none_has_no_mean():
    assert mean_with_interval([0.3], share=False) == Estimate(value=0.3)
    assert mean_with_interval([], share=False) is None


def test_ratio_has_the_interval_of_the_bootstrap():
    rows = np.random.default_rng(0).uniform(0.1, 0.5, size=(40, 2))
    found = Moments.over(rows).ratio(0, 1)
    assert found.value == pytest.approx(rows[:, 0].mean() / rows[:, 1].mean())
    picks = np.random.default_rng(1).integers(0, 40, size=(4000, 40))
    ratios = rows[picks, 0].mean(1) / rows[picks, 1].mean(1)
    assert found.half_width == pytest.approx(1.96 * ratios.std(), rel=0.1)


def test_ratio_of_equal_quantities_is_certain():
    rows = np.random.default_rng(0).uniform(0.1, 0.5, size=(40, 1)).repeat(2, axis=1)
    found = Moments.over(rows).ratio(0, 1)
    assert found.value == pytest.approx(1)
    assert found.half_width == pytest.approx(0, abs=1e-6)


def test_what_is_missing_has_no_estimate():
    moments = Moments.over(np.array([[0.5, 0.0, np.nan], [0.25, 0.0, 1.0]]))
    assert moments.mean(0).value == 0.375
    assert moments.mean(2) is moments.share(2) is moments.ratio(0, 2) is None
    assert moments.ratio(0, 1) is None


def test_moments_add_up():
    rows = np.random.default_rng(0).uniform(size=(10, 2))
    together = Moments.over(rows[:3]) + Moments.over(rows[3:])
    assert together.count == 10
    np.testing.assert_allclose(together.products, Moments.over(rows).products)


def seeds(values, half=0.03):
    return [Estimate(value=value, half_width=half) for value in values]


def test_one_seed_has_the_examples_error_alone():
    found = over_seeds({"a": seeds([0.2])})
    assert found == {"a": SeedEstimate(value=0.2, half_width=0.03, seeds=(0.2,))}


def test_every_cell_has_its_own_spread_over_seeds():
    values = {"a": [0.2, 0.3, 0.25], "b": [0.5, 0.52, 0.51]}
    found = over_seeds({key: seeds(own) for key, own in values.items()})
    for key, own in values.items():
        low, high = stats.ttest_1samp(own, 0).confidence_interval()
        between = (high - low) / 2
        assert found[key].value == pytest.approx(np.mean(own))
        assert found[key].half_width == pytest.approx(math.hypot(0.03, between))
        assert found[key].seeds == tuple(own)


def test_cells_that_a_seed_lacks_are_left_out():
    assert over_seeds({"a": [*seeds([0.2]), None], "b": [], "c": [None]}) == {}


def test_single_examples_have_no_interval_over_seeds_either():
    found = over_seeds({"a": seeds([0.2, 0.3], half=None), "b": seeds([0.2, 0.3])})
    assert found["a"] == SeedEstimate(value=0.25, seeds=(0.2, 0.3))
    assert found["b"].half_width > 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-320, 1e38, -0.4, 0.0])
def test_whatever_the_examples_hold_an_estimate_is_finite_or_missing(value):
    for rows in ([[0.3, value]], [[0.3, 0.2], [0.1, value]], [[value, value]] * 3):
        moments = Moments.over(np.array(rows))
        for found in (moments.mean(1), moments.share(1), moments.ratio(0, 1), moments.ratio(1, 0)):
            assert found is None or math.isfinite(found.value)
            assert found is None or found.half_width is None or found.half_width >= 0


def test_estimates_are_json_without_nan():
    assert json.loads(Estimate(value=0.5).to_json()) == {"value": 0.5, "half_width": None}
    with pytest.raises(ValueError, match="finite"):
        Estimate(value=math.nan)
