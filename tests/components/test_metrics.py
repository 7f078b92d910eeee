import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that
from tensorflow_model_analysis.metrics import metric_types

from components.evaluation.mean_scalars import MeanScalars, metric_names, summarise
from models.scalars import SEPARATION_SCALARS

SCALARS = list(SEPARATION_SCALARS)


def moments(rows):
    return len(rows), rows.sum(0), rows.T @ rows


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    rows = rng.uniform(0.1, 0.5, size=(40, len(SCALARS)))
    rows[:, SCALARS.index("control_accuracy")] = rng.integers(0, 2, 40)
    return rows


def test_means_and_intervals_agree_with_numpy(rows, half_width):
    result = summarise(SCALARS, *moments(rows))
    for name, column in zip(SCALARS, rows.T, strict=True):
        assert result[name] == pytest.approx(column.mean())
        half = pytest.approx(1.96 * column.std(ddof=1) / np.sqrt(len(column)))
        if name == "control_accuracy":
            half = half_width(column)
        assert result[f"{name}_interval"] == half
    assert result["examples"] == 40


def test_ratio_of_means_has_the_bootstraps_interval(rows):
    result = summarise(SCALARS, *moments(rows))
    loss, identity = (rows[:, SCALARS.index(name)] for name in ("loss", "identity_loss"))
    assert result["relative_loss"] == pytest.approx(loss.mean() / identity.mean())
    picks = np.random.default_rng(1).integers(0, 40, size=(4000, 40))
    ratios = loss[picks].mean(1) / identity[picks].mean(1)
    assert result["relative_loss_interval"] == pytest.approx(1.96 * ratios.std(), rel=0.1)


def test_ratio_of_equal_losses_is_certain(rows):
    rows[:, SCALARS.index("identity_loss")] = rows[:, SCALARS.index("loss")]
    result = summarise(SCALARS, *moments(rows))
    assert result["relative_loss"] == pytest.approx(1)
    assert result["relative_loss_interval"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [1, 10, 120])
def test_shares_of_examples_that_agree_are_not_certain(count):
    # Wilson's interval of such a share ends at n / (n + z^2).
    result = summarise(["accuracy"], count, np.array([float(count)]), np.full((1, 1), count))
    z2 = 1.96**2
    below = 1 - count / (count + z2)
    assert result["accuracy"] == 1
    assert below / 2 < result["accuracy_interval"] < 1.5 * below


def test_one_example_has_no_spread_and_none_is_nan(rows):
    assert summarise(SCALARS, *moments(rows[:1]))["loss_interval"] == 0
    assert np.isnan(summarise(SCALARS, *moments(rows[:0]))["loss"])


def test_computation_in_beam_gives_the_same_in_any_partition(rows):
    [computation] = MeanScalars(SCALARS).computations()
    inputs = [
        metric_types.StandardMetricInputs(
            labels=None,
            predictions={name: np.array([v]) for name, v in zip(SCALARS, row, strict=True)},
            example_weights=None,
        )
        for row in rows
    ]
    expected = summarise(SCALARS, *moments(rows))

    def check(results):
        [result] = results
        got = {key.name: value for key, value in result.items()}
        assert got.keys() == set(metric_names(SCALARS))
        for name, value in got.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-6)

    with beam.Pipeline(runner="DirectRunner") as pipeline:
        combined = pipeline | beam.Create(inputs) | beam.CombineGlobally(computation.combiner)
        assert_that(combined, check)
