"""Digest of all that decides the records of a data set."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from data_prep.config import DataConfig
from data_prep.sources.manifest import Video

_UNDECISIVE = ("path", "loudness")


def decisive(config: DataConfig) -> dict[str, Any]:
    """Return the settings that decide the records."""
    return config.model_dump(exclude={"max_dropped_share"})


def fingerprint(videos: Sequence[Video], config: DataConfig) -> str:
    """Return a hexadecimal digest of what decides the records.

    The places of the videos do not, nor does the last digit of their loudness, which differs
    between processors: only whether they are audible.
    """
    rows = sorted(_row(video, config) for video in videos)
    text = json.dumps([rows, decisive(config)])
    return hashlib.sha256(text.encode()).hexdigest()


def _row(video: Video, config: DataConfig) -> list[Any]:
    values = [value for name, value in asdict(video).items() if name not in _UNDECISIVE]
    return [*values, video.is_audible(config.min_loudness)]
