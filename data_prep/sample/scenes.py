"""Rendered scenes: short stylized videos whose audio follows the motion.

A small network can separate them, and tell by the audio which of two it belongs to:

- A class is seen by its hue, the texture of wall and floor, and the shape and motion of its
  objects. It is heard by pitch and timbre. With `colors="scene"` each scene has one of the hues,
  whatever its class, so that the eye can tell apart two scenes that the ear cannot.
- A scene has two to four objects of different sizes. They stand or hover one behind the other over
  a floor, before other things and a wall. The camera pans, zooms and shakes a little, and what is
  near moves more. Light, shadows, focus, motion blur and grain are rendered too.
- The events of a scene are both seen and heard. They are 0.3 to 0.9 s apart. At each, all objects
  swell and move, and the tone is struck, in proportion to the event's strength, which spans 15 dB.
  Swelling and tone then decay at the same rate, and the motion comes to rest. Between events only
  the camera and the light move, and a hum is heard, 30 dB below the strongest event.

Two scenes of a class therefore sound different only in the times and strengths of their events.
Audio that is shifted by a quarter of a second or more fits neither. Since events keep a distance,
audio that is shifted by less than a second even fits its own scene less than the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.sample.drawing import draw
from data_prep.sample.events import draw_events
from data_prep.sample.looks import Look
from data_prep.sample.motions import MOTIONS
from data_prep.sample.playing import SAMPLE_RATE, Voice, play
from data_prep.sample.sample_config import Colors
from data_prep.sample.shapes import SIGNED_DISTANCE
from data_prep.sample.textures import TEXTURES

_SHAPES, _MOTIONS, _TEXTURES = tuple(SIGNED_DISTANCE), tuple(MOTIONS), tuple(TEXTURES)

_COLORS = (
    "red",
    "orange",
    "amber",
    "yellow",
    "lime",
    "green",
    "emerald",
    "jade",
    "cyan",
    "azure",
    "cobalt",
    "blue",
    "violet",
    "purple",
    "magenta",
    "rose",
)  # at equal steps of hue
_HARMONICS: tuple[dict[float, float], ...] = (
    {1: 1.0, 2: 0.5, 3: 0.33, 4: 0.25, 5: 0.2},  # like a string
    {1: 1.0, 3: 0.5, 5: 0.3, 7: 0.2},  # like a clarinet
    {1: 1.0, 2: 0.15},  # like a flute
    {1: 1.0, 2.76: 0.6, 5.4: 0.3},  # like a bell
)  # amplitude by multiple of the pitch
_LOWEST_PITCH, _OCTAVES = 150.0, 4.0


@dataclass(frozen=True)
class SceneClass:
    """Properties that all scenes of a class share.

    Attributes:
        label: a phrase such as "red disc bouncing", without the color if it is the scene's.
        look: how its scenes look.
        voice: how its scenes sound.
    """

    label: str
    look: Look
    voice: Voice


@dataclass(frozen=True, eq=False)
class Scene:
    """A rendered scene.

    Attributes:
        frames: uint8 `[T, H, W, 3]`, RGB.
        fps: frames per second.
        audio: int16 `[S]`, mono.
        sample_rate: samples per second.
    """

    frames: np.ndarray
    fps: float
    audio: np.ndarray
    sample_rate: int


def scene_classes(count: int, colors: Colors = "class") -> list[SceneClass]:
    """Return `count` classes, 2 to 16, whose hues and pitches are equally spaced."""
    return [_scene_class(index, count, colors) for index in range(count)]


def render(scene: SceneClass, seed: Sequence[int]) -> Scene:
    """Render a scene of 5 to 5.6 seconds, 128x96 to 150x112 pixels, 25 to 30 fps.

    The same class and seed give the same scene.
    """
    rng = np.random.default_rng(seed)
    fps = float(rng.choice([25, 30_000 / 1001, 30]))
    count = int(np.ceil(fps * rng.uniform(5.0, 5.6)))
    height, width = int(rng.integers(48, 57)) * 2, int(rng.integers(64, 76)) * 2
    objects = int(rng.integers(2, 5))
    events = draw_events(rng, count / fps, objects)
    frames = draw(scene.look, rng, events, objects, np.arange(count) / fps, height, width)
    audio = play(scene.voice, rng, events, objects, count / fps)
    return Scene(frames, fps, audio, SAMPLE_RATE)


def _scene_class(index: int, count: int, colors: Colors) -> SceneClass:
    color = _COLORS[round(index * len(_COLORS) / count) % len(_COLORS)]
    shape, motion = _SHAPES[index % len(_SHAPES)], _MOTIONS[index % len(_MOTIONS)]
    # Pitches are in another order than hues, so that neighbors in one are far apart in the other.
    stride = next(s for s in (5, 3, 7, 1) if np.gcd(s, count) == 1)
    look = Look(
        hue=index / count if colors == "class" else None,
        classes=count,
        texture=_TEXTURES[index % len(_TEXTURES)],
        angle=index * 2.399963,  # the golden angle spreads any number of them
        frequency=2.5 + 2.5 * (index * 0.618034 % 1),
        shape=shape,
        motion=motion,
    )
    voice = Voice(
        pitch=_LOWEST_PITCH * 2 ** (_OCTAVES * (index * stride % count) / count),
        octaves=_OCTAVES,
        harmonics=_HARMONICS[index % len(_HARMONICS)],
        classes=count,
    )
    seen = f"{shape} {motion}"
    return SceneClass(f"{color} {seen}" if colors == "class" else seen, look, voice)
