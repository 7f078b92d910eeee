"""Pictures and videos inside a page, as data: URIs."""

import base64
import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.config import ClipConfig
from data_prep.media.encoding import write_video
from data_prep.records.record import SOUND_SCALE

_SMALL = 112


def video_uri(frames: np.ndarray, clip: ClipConfig, sound: np.ndarray | None = None) -> str:
    """Encode a video.

    Args:
        frames: uint8 `[T, H, W, 3]`.
        clip: its rates.
        sound: float32 `[S]` in [-1, 1], or None.
    """
    if min(frames.shape[1:3]) < _SMALL:
        # At twice the size 4:2:0 keeps every pixel's own colour.
        frames = frames.repeat(2, axis=1).repeat(2, axis=2)
    if sound is not None:
        whole = np.round(sound * SOUND_SCALE)
        sound = np.clip(whole, -SOUND_SCALE, SOUND_SCALE - 1).astype(np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video.mp4")
        rate = None if sound is None else clip.sample_rate
        write_video(path, frames, fps=clip.fps, sound=sound, sample_rate=rate)
        return _uri("video/mp4", path.read_bytes())


def picture_uri(picture: np.ndarray) -> str:
    """Encode a picture: uint8 `[H, W, 3]` as a JPEG, grey, `[H, W]` or `[H, W, 2]`, as a PNG."""
    image, buffer = Image.fromarray(picture), io.BytesIO()
    if picture.shape[2:] != (3,):
        image.save(buffer, "PNG")
        return _uri("image/png", buffer.getvalue())
    image.save(buffer, "JPEG", quality=90, subsampling=0)
    return _uri("image/jpeg", buffer.getvalue())


def in_grid(pictures: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lay out grey pictures row by row in one.

    Args:
        pictures: uint8 `[K, H, W]`.
        columns: pictures in a row.
        gap: pixels between them, which let the page show through.

    Returns:
        uint8 `[h, w, 2]`: grey and opacity.
    """
    count, height, width = pictures.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 2), np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        cell = grid[top : top + height, left : left + width]
        cell[..., 0], cell[..., 1] = picture, 255
    return grid


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
