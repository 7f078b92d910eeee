"""Events of a rendered scene: the moments that are both seen and heard.

The intervals between events are irregular, so audio that is shifted in time fits nowhere else.
"""

from dataclasses import dataclass, replace

import numpy as np

DECAY = 0.24
"""Seconds in which the loudness of an event and the visible swell fall to 1/e."""

SHORTEST, LONGEST = 0.3, 0.9
"""Range of the intervals between events, in seconds."""

RANGE = 15.0
"""Decibels from the weakest to the strongest event."""

_BEFORE = 1.0  # seconds before the scene in which events begin, whose ends are seen and heard
_FOLLOWS = 0.75  # strength of an event for the objects that do not lead it


@dataclass(frozen=True, eq=False)
class Events:
    """Events in the order of their times.

    Attributes:
        times: `[E]`, seconds from the beginning of the scene; the first are before it.
        strengths: `[E]`, in (0, 1], the amplitude of the audio and of the motion.
        leaders: `[E]`, index of the object that moves most and gives the pitch.
    """

    times: np.ndarray
    strengths: np.ndarray
    leaders: np.ndarray

    def felt_by(self, index: int) -> "Events":
        """Return the events with the strengths that an object moves with."""
        share = np.where(self.leaders == index, 1.0, _FOLLOWS)
        return replace(self, strengths=self.strengths * share)

    def since(self, times: np.ndarray) -> np.ndarray:
        """Return the seconds since each event, `[E, T]`, 0 before it; `times` is `[T]`."""
        return np.maximum(times - self.times[:, np.newaxis], 0)

    def level(self, times: np.ndarray) -> np.ndarray:
        """Return the level `[T]` that jumps by an event's strength and decays after it."""
        late = times - self.times[:, np.newaxis]
        return self.strengths @ np.where(late >= 0, np.exp(-np.maximum(late, 0) / DECAY), 0)

    def moved(self, times: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the sum `[T]` of steps `[E]`, each made with speed at its event and settling."""
        return steps @ (1 - np.exp(-self.since(times) / DECAY))

    def arcs(self, times: np.ndarray, seconds: float) -> np.ndarray:
        """Return the height `[T]` of jumps that start at the events and land softly.

        A jump is as high as its event is strong. It lasts `seconds`, or until the next event.
        """
        lengths = np.minimum(np.diff(self.times, append=np.inf), seconds)
        way = np.minimum(self.since(times) / lengths[:, np.newaxis], 1)
        return self.strengths @ (6.75 * way * (1 - way) ** 2)


def draw_events(rng: np.random.Generator, seconds: float, objects: int) -> Events:
    """Draw events at irregular times until the end of a scene, their strengths evenly in dB."""
    count = int(np.ceil((seconds + _BEFORE) / SHORTEST)) + 1
    times = np.cumsum(rng.uniform(SHORTEST, LONGEST, count)) - _BEFORE
    strengths = 10 ** (-rng.uniform(0, RANGE, count) / 20)
    leaders = rng.integers(0, objects, count)
    kept = times < seconds
    return Events(times[kept], strengths[kept], leaders[kept])
