import numpy as np
import pytest

from data_prep.mixing.steady_draw import NUMBERS, SteadyDraw, digests


def table(sources):
    """Return the sorted digests of sources, and the names in that order."""
    keys = digests(sources)
    order = np.argsort(keys, kind="stable")
    return keys[order], [sources[place] for place in order]


def drawn(keys, names, count, **options):
    draw = SteadyDraw(keys, np.arange(len(keys)))
    numbers = np.random.default_rng(0).random((count, NUMBERS))
    return [names[draw.draw(each, **options)] for each in numbers]


@pytest.mark.parametrize("count", [2, 3, 10, 33])
def test_each_row_is_as_likely(count):
    keys, names = table([f"s{i}" for i in range(count)])
    counts = np.unique(drawn(keys, names, 400 * count), return_counts=True)[1]
    assert len(counts) == count
    expected = 400.0
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < count + 4 * np.sqrt(2 * count)  # mean and deviation of the distribution


def test_rows_of_one_source_are_as_likely():
    keys, names = table(["a"] * 5 + ["b", "c"])
    counts = np.unique(drawn(keys, names, 7_000), return_counts=True)[1]
    assert counts == pytest.approx([5_000, 1_000, 1_000], rel=0.1)


def test_excluded_rows_are_never_drawn_and_the_others_as_likely():
    keys, names = table([f"s{i}" for i in range(6)])
    found, counts = np.unique(drawn(keys, names, 4_000, excluded=(2, 4)), return_counts=True)
    assert sorted(found) == sorted(names[:2] + names[4:])
    assert counts == pytest.approx([1_000] * 4, rel=0.12)
    draw = SteadyDraw(keys, np.arange(6))
    assert draw.draw(np.zeros(NUMBERS), (0, 6)) is None


def test_exclusion_within_one_source():
    keys = np.zeros(4, np.uint64)
    draw = SteadyDraw(keys, np.arange(4))
    numbers = np.random.default_rng(0).random((200, NUMBERS))
    assert {draw.draw(each, (1, 3)) for each in numbers} == {0, 3}


@pytest.mark.parametrize("count", [15, 16, 31, 64, 400])
def test_one_more_changes_few_draws(count):
    """Of the order of log2(N) / N, whatever N is; a plain draw by index changes nearly all."""
    sources = [f"s{i}" for i in range(count)]
    before = drawn(*table(sources), 4_000)
    after = drawn(*table([*sources, "new"]), 4_000)
    changed = np.mean([one != two for one, two in zip(before, after, strict=True)])
    assert changed < 1.5 * (1 + np.log2(count) / 2) / count
    new = np.mean([name == "new" for name in after])
    assert new == pytest.approx(1 / (count + 1), abs=4 * np.sqrt(1 / count / 4_000))


def test_numbers_decide():
    keys, names = table([f"s{i}" for i in range(20)])
    assert drawn(keys, names, 50) == drawn(keys, names, 50)
