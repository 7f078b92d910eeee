"""Several videos in one, so that they play in sync."""

import math
from collections.abc import Sequence

import numpy as np

# Video codecs smooth over the borders of their blocks, and by that mix neighbors.
_MARGIN = 8


def tile(videos: Sequence[np.ndarray]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Put videos of one shape into a grid.

    Args:
        videos: uint8 `[T, H, W, 3]` each, at least one.

    Returns:
        uint8 `[T, h, w, 3]`, and (left, top) of each video in it.
    """
    frames, height, width, _ = videos[0].shape
    columns = math.ceil(math.sqrt(len(videos)))
    rows = math.ceil(len(videos) / columns)
    cell_height, cell_width = height + 2 * _MARGIN, width + 2 * _MARGIN
    grid = np.zeros((frames, rows * cell_height, columns * cell_width, 3), np.uint8)
    margins = ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))
    places = []
    for index, video in enumerate(videos):
        row, column = divmod(index, columns)
        top, left = row * cell_height, column * cell_width
        grid[:, top : top + cell_height, left : left + cell_width] = np.pad(video, margins, "edge")
        places.append((left + _MARGIN, top + _MARGIN))
    return grid, places
