"""Presets with wider convolutions."""

import dataclasses

import pytest

from models.networks.widening import widened
from models.presets import PRESETS, Conv, Inception, Pool


def channels(preset) -> list[int]:
    """Return all channels of the encoder, in order."""
    found = []
    for level in preset.levels:
        for unit in level.units:
            if isinstance(unit, Conv):
                found.append(unit.filters)
            elif isinstance(unit, Inception):
                found += dataclasses.astuple(unit)
    return found


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
@pytest.mark.parametrize("encoder, decoder", [(1.5, 1.2), (3.0, 0.5), (0.01, 1e-6)])
def test_channels_are_the_nearest_multiples_of_16(preset, encoder, decoder):
    wide = widened(preset, encoder, decoder)
    for factor, old, new in (
        (encoder, channels(preset), channels(wide)),
        (decoder, preset.up, wide.up),
    ):
        assert len(new) == len(old)
        for before, after in zip(old, new, strict=True):
            assert after % 16 == 0
            assert after >= 16
            assert after == 16 or abs(after - factor * before) <= 8


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_factor_of_1_changes_nothing(preset):
    assert widened(preset, 1, 1) == preset
    assert widened(preset, 1, 2).levels == preset.levels
    assert widened(preset, 2, 1).up == preset.up


def test_sizes_stay():
    preset = PRESETS["paper"]
    wide = widened(preset, 2, 2)
    assert dataclasses.replace(wide, levels=preset.levels, up=preset.up) == preset
    for old, new in zip(preset.levels, wide.levels, strict=True):
        assert (old.name, old.strides) == (new.name, new.strides)
        for before, after in zip(old.units, new.units, strict=True):
            assert type(before) is type(after)
            if isinstance(before, Pool):
                assert before == after
            if isinstance(before, Conv):
                assert (before.kernel, before.strides) == (after.kernel, after.strides)
