"""Plates of a rendered scene: pictures larger than the frame, which the camera looks at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_prep.sample.camera import REACH, Camera

_BILINEAR = Image.Resampling.BILINEAR
_MARGIN = REACH + 0.06  # of a plate around the frame, in frame heights
_SHARPNESS = 0.6  # resolution of plates, of a frame's: they are a little out of focus


@dataclass(frozen=True, eq=False)
class Plate:
    """A plane that faces the camera.

    Attributes:
        picture: the plane, RGB.
        alpha: its opacity, or None if nothing is behind it.
        nearness: how far it moves with the camera, 0 for not at all.
        scale: pixels of the picture per frame height.
    """

    picture: Image.Image
    alpha: Image.Image | None
    nearness: float
    scale: float

    def put(self, view: Image.Image, camera: Camera, index: int) -> None:
        """Put what the camera sees of it in frame `index` over what is in the view."""
        width, height = self.picture.size
        left, top, right, bottom = (
            self.scale * place
            for place in camera.window(index, self.nearness, view.width / view.height, 1)
        )
        box = left + width / 2, top + height / 2, right + width / 2, bottom + height / 2
        seen = self.picture.resize(view.size, _BILINEAR, box=box)
        view.paste(seen, mask=self.alpha and self.alpha.resize(view.size, _BILINEAR, box=box))


def photograph(
    plates: Sequence[Plate], camera: Camera, index: int, height: int, width: int
) -> np.ndarray:
    """Return what the camera sees of the plates, from far to near, in frame `index`.

    The colors are float32 `[3, H, W]` in [0, 255].
    """
    view = Image.new("RGB", (round(_SHARPNESS * width), round(_SHARPNESS * height)))
    for plate in plates:
        plate.put(view, camera, index)
    frame = np.asarray(view.resize((width, height), _BILINEAR))
    return frame.transpose(2, 0, 1).astype(np.float32, order="C")


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the pixels of a plate for frames of this size, each float32 `[H, W]`."""
    scale = _SHARPNESS * height
    rows = 2 * round(scale * (0.5 + _MARGIN))
    columns = 2 * round(scale * (width / height / 2 + _MARGIN))
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    return (x + 0.5 - columns / 2) / scale, (y + 0.5 - rows / 2) / scale


def make_plate(colors: np.ndarray, alpha: np.ndarray | None, nearness: float, height: int) -> Plate:
    """Return a plate of colors `[3, H, W]` in [0, 255] and opacities `[H, W]` in [0, 1].

    Args:
        colors: of the pixels of `grid`.
        alpha: likewise, or None.
        nearness: how far it moves with the camera.
        height: of the frames, in pixels.
    """
    picture = Image.fromarray(np.moveaxis(colors, 0, -1).astype(np.uint8))
    mask = None if alpha is None else Image.fromarray((255 * alpha).astype(np.uint8))
    return Plate(picture, mask, nearness, _SHARPNESS * height)
