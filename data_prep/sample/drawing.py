"""Frames of a rendered scene: its background, its objects, its light and the film's grain."""

import numpy as np

from data_prep.sample import palettes
from data_prep.sample.backdrop import backdrop
from data_prep.sample.brush import Brush
from data_prep.sample.camera import draw_camera
from data_prep.sample.cast import draw_cast
from data_prep.sample.events import Events
from data_prep.sample.lighting import Film, Lamp
from data_prep.sample.looks import Look
from data_prep.sample.plates import photograph
from data_prep.sample.shapes import SIGNED_DISTANCE


def draw(
    look: Look,
    rng: np.random.Generator,
    events: Events,
    objects: int,
    times: np.ndarray,
    height: int,
    width: int,
) -> np.ndarray:
    """Return the frames of a scene, uint8 `[T, H, W, 3]`; lengths are in frame heights.

    Args:
        look: how the class looks.
        rng: decides what differs within the class.
        events: what sets the objects off.
        objects: number of objects.
        times: `[T]`, seconds.
        height: pixels.
        width: pixels.
    """
    # Drawn only if needed, since every further number changes all that follow.
    own = rng.integers(look.classes) / look.classes if look.hue is None else look.hue
    hue, horizon = own + rng.uniform(-0.2, 0.2) / look.classes, rng.uniform(-0.05, 0.2)
    camera = draw_camera(rng, times)
    plates = backdrop(look, rng, hue, horizon, height, width)
    cast = draw_cast(rng, look.motion, objects, horizon, times, events, camera)
    lamp, film = Lamp(rng), Film(rng, height, width, times)
    brush = Brush(SIGNED_DISTANCE[look.shape], lamp, height, width)
    colors_of = [palettes.objects(hue + rng.uniform(-0.1, 0.1) / look.classes) for _ in cast]
    frames = np.empty((len(times), height, width, 3), np.uint8)
    for index in range(len(times)):
        colors = photograph(plates, camera, index, height, width)
        for member in cast:
            brush.shade_floor(colors, member, index)
        for member, palette in zip(cast, colors_of, strict=True):
            brush.paint(colors, palette, member, index)
        film.expose(colors, index, out=frames[index])
    return frames
