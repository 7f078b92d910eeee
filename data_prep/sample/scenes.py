"""Rendered scenes: a class has a palette, a texture, a moving shape and a sound of its own.

They are made to be separable by a small model: colour, texture and pitch tell one class from
another wherever two are mixed, and every beat is heard when the shape is seen to move.
"""

import colorsys
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MAX_CLASSES = 16

_SAMPLE_RATE = 22_050
_COLOURS = (
    *("red", "orange", "amber", "yellow", "lime", "green", "emerald", "jade"),
    *("cyan", "azure", "cobalt", "blue", "violet", "purple", "magenta", "rose"),
)  # at equal steps of hue
_TEXTURES = ("stripes", "checks", "dots", "noise", "weave", "zigzag")
_SHAPES = ("disc", "square", "ring", "triangle", "cross", "flower", "bar", "hexagon")
_MOTIONS = ("bouncing", "swinging", "pulsing", "spinning", "circling", "hopping")
_HARMONICS = (
    {1: 1.0, 2: 0.5, 3: 0.33, 4: 0.25, 5: 0.2},  # like a string
    {1: 1.0, 3: 0.5, 5: 0.3, 7: 0.2},  # like a clarinet
    {1: 1.0, 2: 0.15},  # like a flute
    {1: 1.0, 2.76: 0.6, 5.4: 0.3},  # like a bell
)  # amplitude by multiple of the pitch
_LOWEST_PITCH, _OCTAVES = 150.0, 4.0
_EDGE = 0.02  # width of the line around the shape, in heights of the picture


@dataclass(frozen=True)
class SceneClass:
    """What the scenes of a class have in common.

    Attributes:
        label: a phrase such as "red disc bouncing".
        hue: in [0, 1), of the whole palette.
        texture: kind of the background.
        angle: of the texture, radians.
        frequency: of the texture, cycles in the picture's height.
        shape: kind of the moving shape.
        motion: how it moves.
        tempo: beats a second.
        pitch: Hz.
        harmonics: amplitude by multiple of the pitch.
        classes: how many there are; hue and pitch vary by less than the distance to the next.
    """

    label: str
    hue: float
    texture: str
    angle: float
    frequency: float
    shape: str
    motion: str
    tempo: float
    pitch: float
    harmonics: dict[float, float]
    classes: int


@dataclass(frozen=True, eq=False)
class Scene:
    """A rendered scene.

    Attributes:
        frames: uint8 [T, H, W, 3], RGB.
        fps: pictures a second.
        audio: int16 `[S]`, mono.
        sample_rate: samples a second.
    """

    frames: np.ndarray
    fps: float
    audio: np.ndarray
    sample_rate: int


def scene_classes(count: int) -> list[SceneClass]:
    """The classes of a data set of so many, 2 to 16: hues and pitches are equally spaced."""
    return [_scene_class(index, count) for index in range(count)]


def _scene_class(index: int, count: int) -> SceneClass:
    colour = _COLOURS[round(index * len(_COLOURS) / count) % len(_COLOURS)]
    shape, motion = _SHAPES[index % len(_SHAPES)], _MOTIONS[index % len(_MOTIONS)]
    # Pitches go by another order than hues, so that neighbours in one are apart in the other.
    stride = next(s for s in (5, 3, 7, 1) if np.gcd(s, count) == 1)
    return SceneClass(
        label=f"{colour} {shape} {motion}",
        hue=index / count,
        texture=_TEXTURES[index % len(_TEXTURES)],
        angle=index * 2.399963,  # the golden angle spreads any number of them
        frequency=2.5 + 2.5 * (index * 0.618034 % 1),
        shape=shape,
        motion=motion,
        tempo=1.6 + 1.4 * (index * 0.754878 % 1),
        pitch=_LOWEST_PITCH * 2 ** (_OCTAVES * (index * stride % count) / count),
        harmonics=_HARMONICS[index % len(_HARMONICS)],
        classes=count,
    )


def render(scene: SceneClass, seed: Sequence[int]) -> Scene:
    """Renders a scene of 5 to 5.6 seconds, 128x96 to 150x112 pixels, 25 to 30 fps.

    The same class and seed give the same scene.
    """
    rng = np.random.default_rng(seed)
    fps = float(rng.choice([25, 30_000 / 1001, 30]))
    count = int(np.ceil(fps * rng.uniform(5.0, 5.6)))
    height, width = int(rng.integers(48, 57)) * 2, int(rng.integers(64, 76)) * 2
    tempo, phase = scene.tempo * rng.uniform(0.88, 1.14), rng.uniform()
    beats = np.arange(count) / fps * tempo + phase
    frames = _draw(scene, rng, beats, np.arange(count) / fps, height, width)
    audio = _play(scene, rng, tempo, phase, count / fps)
    return Scene(frames, fps, audio, _SAMPLE_RATE)


def _draw(
    scene: SceneClass,
    rng: np.random.Generator,
    beats: np.ndarray,
    times: np.ndarray,
    height: int,
    width: int,
) -> np.ndarray:
    """The pictures, uint8 [T, H, W, 3]; lengths are in heights of the picture."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    x, y = x - width / height / 2, y - 0.5
    palette, fill, edge = _colours(scene.hue + rng.uniform(-0.2, 0.2) / scene.classes)
    lightness = _texture(scene, rng, x, y)
    shape = _SIGNED_DISTANCE[scene.shape]
    size, turn = rng.uniform(0.17, 0.23), rng.uniform(-0.3, 0.3)
    frames = np.empty((len(times), height, width, 3), np.uint8)
    places = _path(scene.motion, rng, beats).tolist()
    for frame, time, (left, top, scale, angle) in zip(frames, times.tolist(), places, strict=True):
        level = (255 * lightness(time)).astype(np.uint8)
        np.take(palette, level, axis=0, out=frame, mode="clip")  # the mode that is not buffered
        box = _around(left, top, 1.5 * size * scale, height, width)
        dx, dy = x[box] - left, y[box] - top
        c, s = math.cos(angle + turn), math.sin(angle + turn)
        depth = -shape(c * dx + s * dy, c * dy - s * dx, size * scale) * height  # pixels
        inside, core = (np.clip(depth - d, 0, 1)[..., np.newaxis] for d in (-0.5, _EDGE * height))
        frame[box] = frame[box] * (1 - inside) + (edge + (fill - edge) * core) * inside
    return frames


def _around(x: float, y: float, radius: float, height: int, width: int) -> tuple[slice, slice]:
    """The pixels that hold a square around a point."""
    column, row, reach = (x * height + width / 2), (y + 0.5) * height, radius * height
    return tuple(
        slice(max(0, math.floor(middle - reach)), max(0, math.ceil(middle + reach)))
        for middle in (row, column)
    )


def _colours(hue: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ground's palette uint8 [256, 3] from dark to light, and the shape's two colours."""
    stops = [(hue, 1.0, 0.12), (hue, 0.95, 0.6), (hue + 0.03, 0.5, 1.0)]
    rgb = np.array([colorsys.hsv_to_rgb(h % 1, s, v) for h, s, v in stops]) * 255
    levels = np.linspace(0, 2, 256)
    palette = np.stack([np.interp(levels, range(3), channel) for channel in rgb.T], -1)
    fill = np.array(colorsys.hsv_to_rgb((hue + 0.05) % 1, 0.25, 1.0)) * 255
    edge = np.array(colorsys.hsv_to_rgb(hue % 1, 1.0, 0.1)) * 255
    return palette.astype(np.uint8), fill.astype(np.float32), edge.astype(np.float32)


def _texture(
    scene: SceneClass, rng: np.random.Generator, x: np.ndarray, y: np.ndarray
) -> Callable[[float], np.ndarray]:
    """A function from time to the ground's lightness, [H, W] in [0, 1]."""
    angle = scene.angle + rng.uniform(-0.12, 0.12)
    frequency = scene.frequency * rng.uniform(0.9, 1.1)
    if scene.texture == "noise":
        angles = angle + np.arange(5) * np.pi / 5 + rng.uniform(-0.3, 0.3, 5)
        frequencies = frequency * rng.uniform(0.6, 1.4, 5)
    else:
        angles, frequencies = np.array([angle, angle + np.pi / 2]), np.full(2, frequency)
    drifts = rng.uniform(0.15, 0.5, len(angles)) * rng.choice([-1, 1], len(angles))
    along = [np.cos(a) * x + np.sin(a) * y for a in angles]
    if scene.texture == "zigzag":
        along[0] = along[0] + 0.5 / frequency * np.abs((along[1] * frequency * 0.7) % 2 - 1)
    # A plane wave moves by turning its phase: one complex field, turned by one number a frame.
    waves = [
        np.exp(2j * np.pi * (f * a + rng.uniform())).astype(np.complex64)
        for f, a in zip(frequencies, along, strict=True)
    ]
    light = np.exp(2j * np.pi * (rng.uniform(-0.6, 0.6) * x + 0.5 * y + rng.uniform()))
    light = light.astype(np.complex64)

    def lightness(time: float) -> np.ndarray:
        moved = [
            (wave * np.complex64(np.exp(2j * np.pi * drift * time))).real
            for wave, drift in zip(waves, drifts, strict=True)
        ]
        pattern = 0.5 + 0.5 * np.tanh(1.5 * _COMBINE[scene.texture](moved))
        glow = 0.8 + 0.2 * (light * np.complex64(np.exp(0.6j * np.pi * time))).real
        return pattern * glow

    return lightness


_COMBINE = {
    "stripes": lambda waves: waves[0],
    "checks": lambda waves: 2 * waves[0] * waves[1],
    "dots": lambda waves: 1.6 * (waves[0] + waves[1] - 0.7),
    "noise": lambda waves: 0.7 * sum(waves),
    "weave": lambda waves: 2 * np.maximum(waves[0], waves[1]) - 1,
    "zigzag": lambda waves: waves[0],
}


def _path(motion: str, rng: np.random.Generator, beats: np.ndarray) -> np.ndarray:
    """Where the shape is, [T, 4]: x, y from the middle, scale, angle. Something happens each beat.

    `beats` [T] is the time in beats: one falls on each whole number.
    """
    since = beats % 1  # of the beat, since it fell
    wander = 0.1 * np.sin(0.7 * beats + rng.uniform(0, 6))
    x, y = rng.uniform(-0.1, 0.1) + wander, np.full_like(beats, rng.uniform(-0.1, 0.1))
    scale, angle = np.ones_like(beats), np.zeros_like(beats)
    reach = rng.uniform(0.22, 0.3)
    if motion == "bouncing":
        y = reach - 2 * reach * 4 * since * (1 - since)
    elif motion == "swinging":
        swing = np.sin(np.pi * beats)
        x, y, angle = 1.3 * reach * swing, y - 0.1 * swing**2, 0.7 * swing
    elif motion == "pulsing":
        scale = 0.8 + 0.8 * np.exp(-4 * since)
    elif motion == "spinning":
        angle = np.pi / 2 * (np.floor(beats) + _ease(since / 0.4)) * 1.1
    elif motion == "circling":
        x, y = reach * np.cos(np.pi * beats), reach * np.sin(np.pi * beats)
    elif motion == "hopping":
        spots = reach * rng.uniform(-1, 1, (int(beats[-1]) + 2, 2)) * [1.2, 1.0]
        index, way = beats.astype(int), _ease((since - 0.55) / 0.45)[:, np.newaxis]
        x, y = (spots[index] * (1 - way) + spots[index + 1] * way).T
        y = y - 0.35 * way[:, 0] * (1 - way[:, 0])
    return np.stack([x, y, scale, angle], -1)


def _ease(way: np.ndarray) -> np.ndarray:
    """From 0 to 1 with a soft start and end."""
    way = np.clip(way, 0, 1)
    return way * way * (3 - 2 * way)


def _polygon(sides: int) -> Callable:
    normals = 2 * np.pi * np.arange(sides) / sides + np.pi / 2
    return lambda x, y, r: (
        np.max([np.cos(n) * x + np.sin(n) * y for n in normals], axis=0)
        - r * (0.6 if sides == 3 else 0.9)
    )


def _box(x, y, half_width, half_height):
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


_SIGNED_DISTANCE = {
    "disc": lambda x, y, r: np.hypot(x, y) - r,
    "square": lambda x, y, r: _box(x, y, 0.85 * r, 0.85 * r),
    "ring": lambda x, y, r: np.abs(np.hypot(x, y) - 0.8 * r) - 0.3 * r,
    "triangle": _polygon(3),
    "cross": lambda x, y, r: np.minimum(_box(x, y, 1.1 * r, 0.4 * r), _box(x, y, 0.4 * r, 1.1 * r)),
    "flower": lambda x, y, r: np.hypot(x, y) - r * (0.85 + 0.3 * np.cos(5 * np.arctan2(y, x))),
    "bar": lambda x, y, r: _box(x, y, 1.4 * r, 0.45 * r),
    "hexagon": _polygon(6),
}


def _play(
    scene: SceneClass, rng: np.random.Generator, tempo: float, phase: float, seconds: float
) -> np.ndarray:
    """The sound, int16 [S]: a quiet tone of the class's timbre that is struck at every beat."""
    times = np.arange(round(seconds * _SAMPLE_RATE)) / _SAMPLE_RATE
    pitch = scene.pitch * 2 ** (rng.uniform(-0.25, 0.25) * _OCTAVES / scene.classes)
    tone = sum(
        amplitude * np.sin(2 * np.pi * (multiple * pitch * times + rng.uniform()))
        for multiple, amplitude in scene.harmonics.items()
        if multiple * pitch < 0.4 * _SAMPLE_RATE
    )
    since = (times * tempo + phase) % 1 / tempo  # seconds since the beat fell
    struck = np.minimum(since / 0.004, 1) * np.exp(-since / rng.uniform(0.08, 0.14))
    knock = 0.5 * rng.standard_normal(len(times)) * np.exp(-since / 0.008)
    sound = (0.12 + struck) * tone + struck * knock
    return (rng.uniform(9_000, 14_000) * sound / np.abs(sound).max()).astype(np.int16)
