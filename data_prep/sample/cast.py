"""Objects of a rendered scene: where they are at home, and where they are over time."""

from dataclasses import dataclass

import numpy as np

from data_prep.sample.camera import Camera
from data_prep.sample.events import Events
from data_prep.sample.motions import Track, move

_SMALLEST, _LARGEST = 0.12, 0.2  # radius of the farthest and nearest objects, in frame heights
_SHUTTER = 0.5  # share of the time between two frames in which a frame is exposed


@dataclass(frozen=True, eq=False)
class Member:
    """An object as the camera sees it; lengths are in frame heights from the frame's middle.

    Attributes:
        x: `[T]`.
        y: `[T]`.
        radius: `[T]`.
        angle: `[T]`, radians.
        smear: `[T, 2]`, how far it moves in x and y while a frame is exposed.
        ground: `[T]`, y of the point on the floor below it.
        blur: width of its edge, larger out of focus.
        tone: lightness, in [0, 1].
    """

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    smear: np.ndarray
    ground: np.ndarray
    blur: float
    tone: float


def draw_cast(
    rng: np.random.Generator,
    motion: str,
    count: int,
    horizon: float,
    times: np.ndarray,
    events: Events,
    camera: Camera,
) -> list[Member]:
    """Draw the objects of a scene, from far to near.

    Args:
        rng: decides what differs within a class.
        motion: how they move, a name in `MOTIONS`.
        count: number of objects.
        horizon: y of the far edge of the floor, in frame heights from the middle.
        times: `[T]`, seconds.
        events: what sets them off.
        camera: what sees them.
    """
    places = rng.permutation((np.arange(count) + 0.5) / count - 0.5) * 0.85
    nearness = np.sort(rng.uniform(0, 1, count))
    focus = rng.uniform(0.4, 1)
    members = []
    for index, (place, near) in enumerate(zip(places.tolist(), nearness.tolist(), strict=True)):
        track = move(motion, rng, times, events.felt_by(index))
        members.append(_member(rng, track, place, near, focus, horizon, camera))
    return members


def _member(
    rng: np.random.Generator,
    track: Track,
    place: float,
    near: float,
    focus: float,
    horizon: float,
    camera: Camera,
) -> Member:
    nearness = 0.85 + 0.45 * near
    size = (_SMALLEST + (_LARGEST - _SMALLEST) * near) * rng.uniform(0.92, 1.1)
    floor = horizon + 0.1 + (0.4 - horizon) * 0.75 * near
    home = floor - 1.05 * size
    x, y = camera.seen(place + rng.uniform(-0.05, 0.05) + track.x, home + track.y, nearness)
    _, ground = camera.seen(0, floor, nearness)
    return Member(
        x=x,
        y=y,
        radius=size * track.scale * camera.magnified(nearness),
        angle=track.angle + rng.uniform(-0.5, 0.5),
        smear=_SHUTTER * np.stack([np.gradient(x), np.gradient(y)], -1),
        ground=ground,
        blur=0.015 + 0.04 * abs(near - focus),
        tone=rng.uniform(0.5, 0.85),
    )
