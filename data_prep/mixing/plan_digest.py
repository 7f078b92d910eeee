"""Digest of all that decides the records of a data set."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from data_prep.config import DataConfig
from data_prep.sources.videos import COLUMNS, Video, Videos

_UNDECISIVE = ("path", "loudness")
_LIMITS = {"max_dropped_share", "decode_seconds", "decode_bytes"}
_LARGEST = 2**256
_VERSION = 1
"""Changed whenever other records are made of the same videos and settings."""


def decisive(config: DataConfig) -> dict[str, Any]:
    """Return the settings that decide the records."""
    return config.model_dump(exclude=_LIMITS)


def fingerprint(videos: Sequence[Video], config: DataConfig) -> str:
    """Return a hexadecimal digest of what decides the records.

    The places of the videos do not, nor does the last digit of their loudness, which differs
    between processors: only whether they are audible.
    """
    columns = [place for place, name in enumerate(COLUMNS) if name not in _UNDECISIVE]
    loudness = COLUMNS.index("loudness")
    total = 0  # does not depend on the order of the videos
    for row in Videos.of(videos).rows():
        level = row[loudness]
        audible = level is not None and level >= config.min_loudness
        total += _number([*(row[place] for place in columns), audible])
    return f"{(total + _number([_VERSION, decisive(config)])) % _LARGEST:064x}"


def _number(values: Any) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(values).encode()).digest(), "big")
