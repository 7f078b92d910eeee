"""Audio of a rendered scene: a quiet tone of the class's timbre, struck at every event."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.sample.events import DECAY, Events

SAMPLE_RATE = 22_050

_FULL = 9_000.0  # root of two times the RMS of the loudest strike, of 32767
_HUM = 0.03  # amplitude of the tone between events, of the loudest strike's
_DETUNE = 0.12  # octaves between the pitches of the first and the last object
_ATTACK = 0.004  # seconds
_RINGS = 1.2  # seconds after which a strike is too quiet to hear


@dataclass(frozen=True)
class Voice:
    """How the scenes of a class sound.

    Attributes:
        pitch: Hz.
        octaves: range of the pitches of all classes.
        harmonics: amplitude by multiple of the pitch.
        classes: number of classes; the pitch varies by less than the distance to the next one.
    """

    pitch: float
    octaves: float
    harmonics: Mapping[float, float]
    classes: int

    def tone(self, rng: np.random.Generator, pitch: float, times: np.ndarray) -> np.ndarray:
        """Return a steady tone at the times `[S]` in seconds, `[S]`, of RMS 1 / sqrt(2)."""
        heard = {m: a for m, a in self.harmonics.items() if m * pitch < 0.4 * SAMPLE_RATE}
        phase = (2 * np.pi * pitch * times).astype(np.float32)
        waves = [a * np.sin(np.float32(m) * phase + rng.uniform(0, 6.28)) for m, a in heard.items()]
        return np.asarray(sum(waves)) / float(np.linalg.norm(list(heard.values())))


def play(
    voice: Voice, rng: np.random.Generator, events: Events, objects: int, seconds: float
) -> np.ndarray:
    """Return the audio of a scene, int16 `[S]`.

    Args:
        voice: how the class sounds.
        rng: decides what differs within the class.
        events: when it is struck, and how hard.
        objects: number of objects, each of a slightly different pitch.
        seconds: length.
    """
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = voice.pitch * 2 ** (rng.uniform(-0.25, 0.25) * voice.octaves / voice.classes)
    pitches = pitch * 2 ** (_DETUNE * (np.arange(objects) / max(1, objects - 1) - 0.5))
    audio = _HUM * voice.tone(rng, pitch, times)
    for time, strength, leader in zip(events.times, events.strengths, events.leaders, strict=True):
        start, end = np.searchsorted(times, [time, time + _RINGS])
        since = times[start:end] - time
        knock = 0.7 * rng.standard_normal(len(since)) * np.exp(-since / 0.008)
        struck = np.minimum(since / _ATTACK, 1) * np.exp(-since / DECAY)
        audio[start:end] += strength * struck * (voice.tone(rng, pitches[leader], since) + knock)
    return np.clip(_FULL * audio, -32_767, 32_767).astype(np.int16)
