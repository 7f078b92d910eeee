"""The Evaluator's metric: every scalar's mean, ratios, and their intervals."""

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that
from tensorflow_model_analysis.metrics import metric_types

from components.estimates import Moments
from components.evaluation.mean_scalars import MeanScalars, metric_names, summarize
from models.tasks.registry import SEPARATION

SCALARS = list(SEPARATION.scalars)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    rows = rng.uniform(0.1, 0.5, size=(40, len(SCALARS)))
    rows[:, SCALARS.index("control_accuracy")] = rng.integers(0, 2, 40)
    return rows


def test_means_and_intervals_agree_with_numpy(rows, half_width):
    result = summarize(SCALARS, Moments.over(rows))
    for name, column in zip(SCALARS, rows.T, strict=True):
        assert result[name] == pytest.approx(column.mean())
        half = pytest.approx(1.96 * column.std(ddof=1) / np.sqrt(len(column)))
        if name == "control_accuracy":
            half = half_width(column)
        assert result[f"{name}_interval"] == half
    assert result["examples"] == 40


def test_ratios_follow_from_the_measures(rows):
    loss, identity = (rows[:, SCALARS.index(name)] for name in ("loss", "identity_loss"))
    result = summarize(SCALARS, Moments.over(rows))
    assert result["relative_loss"] == pytest.approx(loss.mean() / identity.mean())
    assert result["relative_loss_interval"] > 0
    assert "relative_loss" not in metric_names(["loss", "psnr"])


def test_one_example_has_no_interval_and_none_is_nan(rows):
    one = summarize(SCALARS, Moments.over(rows[:1]))
    assert one["loss"] == rows[0, SCALARS.index("loss")]
    assert np.isnan(one["loss_interval"])
    none = summarize(SCALARS, Moments.over(rows[:0]))
    assert np.isnan(none["loss"])
    assert none["examples"] == 0


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
    expected = summarize(SCALARS, Moments.over(rows))

    def check(results):
        [result] = results
        got = {key.name: value for key, value in result.items()}
        assert got.keys() == set(metric_names(SCALARS))
        for name, value in got.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-6)

    with beam.Pipeline(runner="DirectRunner") as pipeline:
        combined = pipeline | beam.Create(inputs) | beam.CombineGlobally(computation.combiner)
        assert_that(combined, check)


def test_scalars_that_a_model_lacks_are_nan(rows):
    [computation] = MeanScalars(["loss", "new"]).computations()
    combiner = computation.combiner
    inputs = metric_types.StandardMetricInputs(
        labels=None, predictions={"loss": np.array([0.5])}, example_weights=None
    )
    output = combiner.extract_output(combiner.add_input(combiner.create_accumulator(), inputs))
    values = {key.name: value for key, value in output.items()}
    assert values["loss"] == 0.5
    assert np.isnan(values["new"])
