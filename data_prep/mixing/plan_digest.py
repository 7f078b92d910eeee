"""Digest of all that decides the records of a data set."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from data_prep.config import DataConfig
from data_prep.sources.videos import COLUMNS, Video, Videos

_UNDECISIVE = ("path", "loudness")


def decisive(config: DataConfig) -> dict[str, Any]:
    """Return the settings that decide the records."""
    return config.model_dump(exclude={"max_dropped_share"})


def fingerprint(videos: Sequence[Video], config: DataConfig) -> str:
    """Return a hexadecimal digest of what decides the records.

    The places of the videos do not, nor does the last digit of their loudness, which differs
    between processors: only whether they are audible.
    """
    videos = Videos.of(videos)
    digest = hashlib.sha256(json.dumps(decisive(config)).encode())
    columns = [name for name in COLUMNS if name not in _UNDECISIVE]
    # What may be missing comes last in a row, and is not needed to sort.
    order = videos.order(*(name for name in columns if name != "audio_stream"))
    places = [COLUMNS.index(name) for name in columns]
    loudness = COLUMNS.index("loudness")
    for row in videos.rows(order):
        level = row[loudness]
        audible = level is not None and level >= config.min_loudness
        digest.update(json.dumps([*(row[place] for place in places), audible]).encode())
    return digest.hexdigest()
