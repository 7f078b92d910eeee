"""Motions of the objects of rendered scenes: each event sets them off, then they calm down."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from data_prep.sample.events import Events

SWELL = 0.5
"""By how much of its size an object swells at an event of strength 1, whatever its motion."""


@dataclass(frozen=True, eq=False)
class Track:
    """Place of an object over time, each `[T]`.

    Attributes:
        x: from its home, in frame heights, positive to the right.
        y: likewise, positive downwards.
        scale: of its size.
        angle: radians.
    """

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    angle: np.ndarray


Motion = Callable[[Track, np.random.Generator, np.ndarray, Events], Track]
"""Function of an object that hovers and swells, a random generator, the times and its events."""


def move(motion: str, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    """Return where an object is at the times `[T]` in seconds.

    Args:
        motion: how the object moves, a name in `MOTIONS`.
        rng: decides directions.
        times: `[T]`, seconds.
        events: with the strengths that the object moves with.
    """
    still = np.zeros_like(times)
    hovering = Track(still, still - rng.uniform(0, 0.25), 1 + SWELL * events.level(times), still)
    return MOTIONS[motion](hovering, rng, times, events)


def _bounce(track: Track, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    return replace(track, y=-0.36 * events.arcs(times, 0.6))


def _swing(track: Track, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    since = events.since(times)
    pushes = events.strengths * _signs(rng, events)
    swing = pushes @ (2 * np.sin(2.5 * np.pi * since) * np.exp(-since / 0.25))
    return replace(track, x=0.2 * swing, y=track.y - 0.08 * swing**2, angle=0.6 * swing)


def _pulse(track: Track, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    return replace(track, scale=track.scale + 0.3 * events.level(times))


def _spin(track: Track, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    side = rng.choice([-1, 1])
    return replace(track, angle=side * (0.2 * times + events.moved(times, 2.4 * events.strengths)))


def _circle(track: Track, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    turned = events.moved(times, 2.2 * events.strengths)
    angle = rng.choice([-1, 1]) * (0.2 * times + turned) + rng.uniform(0, 2 * np.pi)
    return replace(track, x=0.15 * np.cos(angle), y=track.y + 0.13 * np.sin(angle))


def _hop(track: Track, rng: np.random.Generator, times: np.ndarray, events: Events) -> Track:
    steps, place = [], 0.0
    for step in 0.3 * events.strengths * _signs(rng, events):
        steps.append(-step if abs(place + step) > abs(place - step) else step)
        place += steps[-1]
    x = events.moved(times, np.array(steps))
    return replace(track, x=x, y=-0.22 * events.arcs(times, 0.45))


def _signs(rng: np.random.Generator, events: Events) -> np.ndarray:
    return rng.choice([-1, 1], len(events.times))


MOTIONS: dict[str, Motion] = {
    "bouncing": _bounce,
    "swinging": _swing,
    "pulsing": _pulse,
    "spinning": _spin,
    "circling": _circle,
    "hopping": _hop,
}
"""Motions by name, in the order of the classes."""
