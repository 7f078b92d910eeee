"""A preset with wider convolutions, for systems that spend more operations in one pass."""

import dataclasses
from functools import partial

from models.presets import Conv, Inception, Pool, Preset, Unit

_MULTIPLE = 16
"""Channels come in multiples of this, which kernels of every device compute without padding."""


def widened(preset: Preset, encoder: float, decoder: float) -> Preset:
    """Multiply the channels of a preset's encoder and decoder.

    Args:
        preset: the network's size; its head, masks, audio and scores keep their widths.
        encoder: factor of the encoder's channels.
        decoder: factor of those of the decoder's transposed convolutions.

    Returns:
        The preset with these channels, rounded to multiples of 16 of at least 16. A factor of 1
        changes nothing.
    """
    levels = tuple(
        dataclasses.replace(level, units=tuple(_unit(unit, encoder) for unit in level.units))
        for level in preset.levels
    )
    up = tuple(_channels(width, decoder) for width in preset.up)
    return dataclasses.replace(preset, levels=levels, up=up)


def _unit(unit: Unit, factor: float) -> Unit:
    scale = partial(_channels, factor=factor)
    match unit:
        case Conv():
            return dataclasses.replace(unit, filters=scale(unit.filters))
        case Inception():
            return Inception(*map(scale, dataclasses.astuple(unit)))
        case Pool():
            return unit


def _channels(channels: int, factor: float) -> int:
    if factor == 1:
        return channels
    # Halves are rounded up, unlike by `round`.
    return max(1, int(channels * factor / _MULTIPLE + 0.5)) * _MULTIPLE
