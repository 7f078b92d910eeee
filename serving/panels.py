"""Videos side by side, for a person to compare."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_BACKGROUND = (255, 255, 255)
_INK = (32, 32, 32)
_CHOSEN = (0, 140, 80)
_MARGIN = 6
_HEAD = 24


@dataclass(frozen=True, eq=False)
class Panel:
    """One of the videos to compare.

    Attributes:
        caption: what it is.
        frames: uint8 [T, H, W, 3], RGB.
        chosen: whether it gets a coloured frame and caption.
    """

    caption: str
    frames: np.ndarray
    chosen: bool = False


def enlarge(frames: np.ndarray, least: int = 224) -> np.ndarray:
    """Enlarge a video by a whole factor, so that its shorter side has at least so many pixels.

    Args:
        frames: uint8 [T, H, W, 3].
        least: pixels.

    Returns:
        uint8 [T, k*H, k*W, 3] (Lanczos), k as small as can be; the same frames if k is 1.
    """
    _, height, width, _ = frames.shape
    factor = math.ceil(least / min(height, width))
    if factor == 1:
        return frames
    size = (factor * width, factor * height)
    lanczos = Image.Resampling.LANCZOS
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, lanczos)) for frame in frames])


def in_columns(panels: Sequence[Panel]) -> np.ndarray:
    """Put videos of one shape side by side, captions above: uint8 [T, h, w, 3]."""
    return np.concatenate([_framed(panel, panel.frames) for panel in panels], axis=2)


def in_rows(panels: Sequence[Panel], pictures: int = 6) -> np.ndarray:
    """Put videos of one shape below each other, some pictures of each in a row: uint8 [h, w, 3].

    Args:
        panels: the videos.
        pictures: how many of each, evenly spaced from the first to the last.
    """
    return np.concatenate([_framed(panel, _strip(panel.frames, pictures)) for panel in panels])


def _strip(frames: np.ndarray, pictures: int) -> np.ndarray:
    """Set evenly spaced pictures of a video in a row: [H, w, 3]."""
    height = frames.shape[1]
    gap = np.full((height, _MARGIN, 3), _BACKGROUND, np.uint8)
    places = np.linspace(0, len(frames) - 1, min(pictures, len(frames))).round().astype(int)
    parts = [part for place in places for part in (gap, frames[place])]
    return np.concatenate(parts[1:], axis=1)


def _framed(panel: Panel, pictures: np.ndarray) -> np.ndarray:
    """Set [..., H, W, 3] into a margin, coloured if chosen, with the caption above."""
    *leading, height, width, _ = pictures.shape
    colour = _CHOSEN if panel.chosen else _BACKGROUND
    shape = (*leading, height + _HEAD + 2 * _MARGIN, width + 2 * _MARGIN, 3)
    canvas = np.full(shape, _BACKGROUND, np.uint8)
    canvas[..., :_HEAD, :, :] = _head(panel, shape[-2])
    canvas[..., _HEAD:, :, :] = colour
    canvas[..., _HEAD + _MARGIN : -_MARGIN, _MARGIN:-_MARGIN, :] = pictures
    return canvas


def _head(panel: Panel, width: int) -> np.ndarray:
    image = Image.new("RGB", (width, _HEAD), _BACKGROUND)
    ImageDraw.Draw(image).text(
        (_MARGIN, _HEAD // 2),
        panel.caption,
        fill=_CHOSEN if panel.chosen else _INK,
        anchor="lm",
        font=ImageFont.load_default(size=15),
    )
    return np.asarray(image)
