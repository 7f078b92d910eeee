"""A random draw from many videos that one more video rarely changes.

The videos are the leaves of a binary tree, at places that digests decide. A draw goes down from
the root, and at each node to a side in proportion to its videos. So each video is as likely as any
other, and one more among N changes the sides at its own path by at most 1 in the number of videos
below: about `log2(N) / (2 N)` of all draws end elsewhere, besides those that end at the new video.
"""

import hashlib
from collections.abc import Iterable
from typing import Self

import numpy as np

_DEPTH = 64  # bits of a digest
NUMBERS = _DEPTH + 1
"""Random numbers that a draw takes, used or not, so that what follows is the same."""


def digests(names: Iterable[str]) -> np.ndarray:
    """Return the places of names in the tree, uint64 `[N]`."""
    joined = b"".join(hashlib.sha256(name.encode()).digest()[: _DEPTH // 8] for name in names)
    return np.frombuffer(joined, ">u8").astype(np.uint64)


class SteadyDraw:
    """Draws among rows of a table that is sorted by the digests of the sources."""

    def __init__(self, keys: np.ndarray, rows: np.ndarray):
        """Prepare draws.

        Args:
            keys: uint64 `[M]`, sorted; the digest of the source of each row of the table.
            rows: int `[N]`, sorted; the rows to draw among.
        """
        self._keys = keys[rows]
        self._rows = rows

    @classmethod
    def of_mask(cls, keys: np.ndarray, mask: np.ndarray) -> Self:
        """Prepare draws among the rows at which a mask, bool `[M]`, is set."""
        return cls(keys, np.flatnonzero(mask).astype(np.int32))

    def __len__(self) -> int:
        return len(self._rows)

    def draw(self, numbers: np.ndarray, excluded: tuple[int, int] = (0, 0)) -> int | None:
        """Draw a row.

        Args:
            numbers: `NUMBERS` random numbers, float64 in [0, 1).
            excluded: rows [first, last) of the table that are not drawn.

        Returns:
            A row of the table; None if all are excluded.
        """
        out_low, out_high = (int(x) for x in np.searchsorted(self._rows, excluded))

        def count(low: int, high: int) -> int:
            """Count the rows at the places [low, high) that may be drawn."""
            return high - low - max(0, min(high, out_high) - max(low, out_low))

        low, high, prefix = 0, len(self._rows), 0
        if not count(low, high):
            return None
        for level in range(_DEPTH):
            if self._keys[low] == self._keys[high - 1]:
                break  # of one source
            boundary = prefix | 1 << (_DEPTH - 1 - level)
            middle = low + int(np.searchsorted(self._keys[low:high], np.uint64(boundary)))
            left, both = count(low, middle), count(low, high)
            if numbers[level + 1] * both < left:
                high = middle
            else:
                low, prefix = middle, boundary
        place = low + int(numbers[0] * count(low, high))
        gap_low, gap_high = max(low, out_low), min(high, out_high)
        if gap_low <= place and gap_low < gap_high:
            place += gap_high - gap_low
        return int(self._rows[place])
