"""Audio of a rendered scene: a quiet tone of the class's timbre, struck at every beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 22_050


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


def play(
    voice: Voice, rng: np.random.Generator, tempo: float, phase: float, seconds: float
) -> np.ndarray:
    """Return the audio of a scene, int16 `[S]`.

    Args:
        voice: how the class sounds.
        rng: decides what differs within the class.
        tempo: beats per second.
        phase: time of the first sample, in beats.
        seconds: length.
    """
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = voice.pitch * 2 ** (rng.uniform(-0.25, 0.25) * voice.octaves / voice.classes)
    tone = sum(
        amplitude * np.sin(2 * np.pi * (multiple * pitch * times + rng.uniform()))
        for multiple, amplitude in voice.harmonics.items()
        if multiple * pitch < 0.4 * SAMPLE_RATE
    )
    since = (times * tempo + phase) % 1 / tempo  # seconds since the beat
    struck = np.minimum(since / 0.004, 1) * np.exp(-since / rng.uniform(0.08, 0.14))
    knock = 0.5 * rng.standard_normal(len(times)) * np.exp(-since / 0.008)
    audio = (0.12 + struck) * tone + struck * knock
    return (rng.uniform(9_000, 14_000) * audio / np.abs(audio).max()).astype(np.int16)
