"""Videos side by side, with captions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data_prep.media.frames import evenly_spaced

_BACKGROUND = (255, 255, 255)
_INK = (32, 32, 32)
_CHOSEN = (0, 140, 80)
_MARGIN = 6
_HEAD = 24


@dataclass(frozen=True, eq=False)
class CaptionedVideo:
    """A video with its caption.

    Attributes:
        caption: the text above it.
        frames: uint8 `[T, H, W, 3]`, RGB.
        chosen: whether its border and caption are colored.
    """

    caption: str
    frames: np.ndarray
    chosen: bool = False


def enlarge(frames: np.ndarray, least: int = 224) -> np.ndarray:
    """Enlarge a video by the smallest whole factor that makes its shorter side long enough.

    Args:
        frames: uint8 `[T, H, W, 3]`.
        least: pixels that the shorter side must have.

    Returns:
        uint8 `[T, k*H, k*W, 3]`, interpolated by Lanczos; the same frames if `k` is 1.
    """
    _, height, width, _ = frames.shape
    factor = math.ceil(least / min(height, width))
    if factor == 1:
        return frames
    size = (factor * width, factor * height)
    lanczos = Image.Resampling.LANCZOS
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, lanczos)) for frame in frames])


def in_columns(panels: Sequence[CaptionedVideo]) -> np.ndarray:
    """Put videos of one shape side by side, uint8 `[T, h, w, 3]`."""
    return np.concatenate([_bordered(panel, panel.frames) for panel in panels], axis=2)


def in_rows(panels: Sequence[CaptionedVideo], count: int = 6) -> np.ndarray:
    """Draw a contact sheet of videos of one shape, one row per video, uint8 `[h, w, 3]`.

    Args:
        panels: the videos.
        count: frames per video, evenly spaced from the first to the last.
    """
    return np.concatenate([_bordered(panel, _strip(panel.frames, count)) for panel in panels])


def _strip(frames: np.ndarray, count: int) -> np.ndarray:
    """Put evenly spaced frames of a video in a row, uint8 `[H, w, 3]`."""
    height = frames.shape[1]
    gap = np.full((height, _MARGIN, 3), _BACKGROUND, np.uint8)
    parts = [part for i in evenly_spaced(count, len(frames)) for part in (gap, frames[i])]
    return np.concatenate(parts[1:], axis=1)


def _bordered(panel: CaptionedVideo, content: np.ndarray) -> np.ndarray:
    """Put a border around `[..., H, W, 3]`, colored if chosen, and the caption above."""
    *leading, height, width, _ = content.shape
    color = _CHOSEN if panel.chosen else _BACKGROUND
    shape = (*leading, height + _HEAD + 2 * _MARGIN, width + 2 * _MARGIN, 3)
    canvas = np.full(shape, _BACKGROUND, np.uint8)
    canvas[..., :_HEAD, :, :] = _head(panel, shape[-2])
    canvas[..., _HEAD:, :, :] = color
    canvas[..., _HEAD + _MARGIN : -_MARGIN, _MARGIN:-_MARGIN, :] = content
    return canvas


def _head(panel: CaptionedVideo, width: int) -> np.ndarray:
    image = Image.new("RGB", (width, _HEAD), _BACKGROUND)
    ImageDraw.Draw(image).text(
        (_MARGIN, _HEAD // 2),
        panel.caption,
        fill=_CHOSEN if panel.chosen else _INK,
        anchor="lm",
        font=ImageFont.load_default(size=15),
    )
    return np.asarray(image)
