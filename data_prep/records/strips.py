"""Strips: the frames of a clip below each other in one image, and the crop that readers take.

Recorded frames may be higher and wider than the clip, both by the same margin. The width of the
strip shows how much. Every reader crops them to the clip's size.
"""

import io

import numpy as np
from PIL import Image

from data_prep.config import ClipConfig
from data_prep.records.features import RecordError

CENTER = 0.5
"""Share of the margin above, and to the left of, the center crop."""


def encode_frames(frames: np.ndarray) -> bytes:
    """Encode uint8 `[T, H, W, 3]` as a JPEG of `[T*H, W]` pixels."""
    strip = Image.fromarray(frames.reshape(-1, *frames.shape[2:]))
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def encode_alpha(alpha: np.ndarray) -> bytes:
    """Encode bool or float `[T, H, W]` in [0, 1] as a PNG of `[T*H, W]` pixels of 8 bits."""
    levels = np.round(alpha.astype(np.float32) * 255).astype(np.uint8)
    strip = Image.fromarray(levels.reshape(-1, alpha.shape[2]))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def decode_strip(strip: bytes, clip: ClipConfig, channels: int) -> np.ndarray:
    """Decode the center of a strip.

    Args:
        strip: a JPEG or PNG.
        clip: the shape to return.
        channels: 3 for frames, 1 for an alpha.

    Returns:
        uint8 `[T, H, W, channels]`.

    Raises:
        RecordError: the strip holds no clip of this shape, with or without a margin.
    """
    pixels = np.asarray(Image.open(io.BytesIO(strip)))
    margin = max(0, pixels.shape[1] - clip.width)
    height, width = clip.height + margin, clip.width + margin
    if pixels.shape[:2] != (clip.frames * height, width):
        raise RecordError(
            f"a clip of {clip.frames} frames of {height}x{width}: must be a strip of "
            f"{clip.frames * height}x{width}, got {pixels.shape[0]}x{pixels.shape[1]}"
        )
    start = int(CENTER * (margin + 1))
    rows, columns = slice(start, start + clip.height), slice(start, start + clip.width)
    return pixels.reshape(clip.frames, height, width, channels)[:, rows, columns]
