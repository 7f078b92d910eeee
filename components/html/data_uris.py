"""Images and videos inside a page, as data: URIs."""

import base64
import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.config import ClipConfig
from data_prep.media.encoding import write_video
from data_prep.media.pcm import to_int16

_SMALL = 112


def video_uri(frames: np.ndarray, clip: ClipConfig, audio: np.ndarray | None = None) -> str:
    """Encode a video as an MP4.

    Args:
        frames: uint8 `[T, H, W, 3]`.
        clip: its frame rate and sample rate.
        audio: float32 `[S]` in [-1, 1], or None for a silent video.
    """
    if min(frames.shape[1:3]) < _SMALL:
        # At twice the size, 4:2:0 keeps the color of every pixel.
        frames = frames.repeat(2, axis=1).repeat(2, axis=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video.mp4")
        write_video(
            path,
            frames,
            fps=clip.fps,
            audio=None if audio is None else to_int16(audio),
            sample_rate=None if audio is None else clip.sample_rate,
        )
        return _uri("video/mp4", path.read_bytes())


def image_uri(image: np.ndarray) -> str:
    """Encode an image.

    Args:
        image: uint8 `[H, W, 3]` becomes a JPEG; gray `[H, W]`, or gray and opacity `[H, W, 2]`,
            becomes a PNG.
    """
    encoded, buffer = Image.fromarray(image), io.BytesIO()
    if image.shape[2:] != (3,):
        encoded.save(buffer, "PNG")
        return _uri("image/png", buffer.getvalue())
    encoded.save(buffer, "JPEG", quality=90, subsampling=0)
    return _uri("image/jpeg", buffer.getvalue())


def in_grid(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lay out gray images row by row in one.

    Args:
        images: uint8 `[K, H, W]`.
        columns: images per row.
        gap: pixels between them, through which the page shows.

    Returns:
        Gray and opacity, uint8 `[h, w, 2]`.
    """
    count, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 2), np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        cell = grid[top : top + height, left : left + width]
        cell[..., 0], cell[..., 1] = image, 255
    return grid


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
