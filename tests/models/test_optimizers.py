"""Optimizers of training: every one by name, and the learning rate at every update."""

from typing import get_args

import keras
import numpy as np
import pytest
from small_models import PRESET

from models.config import TrainConfig
from models.training.optimizers import OPTIMIZERS, SCHEDULES, make_optimizer

PEAK, STEPS, MOMENTUM = 0.5, 12, 0.9


def rates(**settings) -> np.ndarray:
    """Return the rate of every update, from how a weight moves under a gradient of 1."""
    config = TrainConfig(steps=STEPS, optimizer="sgd", learning_rate=PEAK, clip_norm=0, **settings)
    optimizer = make_optimizer(config, PRESET)
    weight = keras.Variable(np.zeros(1, np.float32))
    one, places = keras.ops.ones(1), [0.0]
    for _ in range(STEPS):
        for _ in range(config.accumulate):
            optimizer.apply([one], [weight])
        places.append(float(np.array(weight)[0]))
    moves = np.diff(places)
    return MOMENTUM * np.append(0, moves[:-1]) - moves  # momentum adds a share of the last move


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("warmup_steps", [0, 4])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_rate_of_every_update(schedule, warmup_steps, accumulate):
    batches, warmup = STEPS * accumulate, warmup_steps * accumulate
    last = (np.arange(STEPS) + 1) * accumulate - 1  # the batch that completes each update
    expected = np.full(STEPS, PEAK)
    if schedule == "cosine":
        done = (last - warmup) / (batches - warmup)
        expected = PEAK * (0.01 + 0.99 * (1 + np.cos(np.pi * done)) / 2)
    expected = np.where(last < warmup, PEAK * last / max(warmup, 1), expected)
    found = rates(schedule=schedule, warmup_steps=warmup_steps, accumulate=accumulate)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_rate_is_the_settings_of_the_peak_or_the_presets():
    for config, peak in (
        (TrainConfig(learning_rate=0.25, schedule="constant"), 0.25),
        (TrainConfig(schedule="constant"), PRESET.learning_rate),
    ):
        assert float(make_optimizer(config, PRESET).learning_rate) == pytest.approx(peak)


def test_the_settings_name_every_optimizer_and_schedule():
    names, none = get_args(TrainConfig.model_fields["optimizer"].annotation)
    assert (set(get_args(names)), none) == (set(OPTIMIZERS), type(None))
    assert set(get_args(TrainConfig.model_fields["schedule"].annotation)) == set(SCHEDULES)
