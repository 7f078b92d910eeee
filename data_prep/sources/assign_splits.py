"""Assignment of source videos to the train and eval splits."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from data_prep.config import DataConfig
from data_prep.sources.manifest import Video
from data_prep.splits import EVAL, TRAIN


def assign_splits(videos: Sequence[Video], config: DataConfig) -> list[Video]:
    """Decide the split of every video, by source.

    Annotations are followed if they name videos of eval; a source that is in both splits goes to
    eval completely. A video that they hold out never becomes one to train on, even if those of
    the train split are gone. If all annotated videos are for training, some are held out.

    For these, and for sources without annotation, a digest of seed and source decides, so more
    videos move none of the others. If a split would have fewer than two sources, as few as
    possible are moved.

    Args:
        videos: usable videos.
        config: its `seed` and `eval_fraction` are used.

    Returns:
        The same videos, each with split "train" or "eval".
    """
    annotated: dict[str, str] = {}
    for video in videos:
        if video.split and annotated.get(video.source) != EVAL:
            annotated[video.source] = video.split
    if EVAL not in annotated.values():
        annotated = {}
    free = {video.source for video in videos} - annotated.keys()
    splits = annotated | _hashed_splits(free, config, least=0 if annotated else 2)
    return [replace(video, split=splits[video.source]) for video in videos]


def _hashed_splits(sources: set[str], config: DataConfig, least: int) -> dict[str, str]:
    """Split sources by digest, with at least `least` in each split if there are enough."""

    def rank(source: str) -> float:
        digest = hashlib.sha256(f"{config.seed}:{source}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    ranked = sorted(sources, key=lambda source: (rank(source), source))
    count = sum(rank(source) < config.eval_fraction for source in ranked)
    count = max(min(count, len(ranked) - least), min(least, len(ranked)))
    return {source: EVAL if i < count else TRAIN for i, source in enumerate(ranked)}
