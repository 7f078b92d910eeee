"""Assignment of source videos to the train and eval splits."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_prep.config import DataConfig
from data_prep.sources.videos import Video, Videos
from data_prep.splits import EVAL, SPLITS, TRAIN


def assign_splits(videos: Sequence[Video], config: DataConfig) -> Videos:
    """Decide the split of every video, by source.

    Annotations are followed if they name videos of eval; a source that is in both splits goes to
    eval completely. A video that they hold out never becomes one to train on, even if those of
    the train split are gone. If all annotated videos are for training, some are held out.

    For these, and for sources without annotation, a digest of `split_seed` and source decides, so
    more videos move none of the others. If a split would have fewer than two sources, as few as
    possible are moved.

    Args:
        videos: usable videos.
        config: its `split_seed` and `eval_fraction` are used.

    Returns:
        The same videos, each with split "train" or "eval".
    """
    videos = Videos.of(videos)
    sources, names = videos.codes("source")
    held_out = _sources_with(EVAL, videos, sources, len(names))
    if held_out.any():
        trained = _sources_with(TRAIN, videos, sources, len(names))
        free, least = np.flatnonzero(~(held_out | trained)), 0
    else:
        free, least = np.arange(len(names)), 2
    held_out[_chosen(free, names, config, least)] = True
    return videos.with_splits(
        np.where(held_out[sources], SPLITS.index(EVAL), SPLITS.index(TRAIN)), SPLITS
    )


def _sources_with(split: str, videos: Videos, sources: np.ndarray, count: int) -> np.ndarray:
    """Say of which sources annotations name a video of a split, bool `[count]`."""
    found = np.zeros(count, bool)
    found[sources[videos.in_split(split)]] = True
    return found


def _chosen(free: np.ndarray, names: pa.Array, config: DataConfig, least: int) -> np.ndarray:
    """Choose sources for eval by digest, so that each split has `least` if there are enough."""

    def rank(source: str) -> float:
        digest = hashlib.sha256(f"{config.split_seed}:{source}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    ranks = np.array([rank(names[place].as_py()) for place in free.tolist()])
    count = int(np.count_nonzero(ranks < config.eval_fraction))
    count = max(min(count, len(ranks) - least), min(least, len(ranks)))
    return free[np.argsort(ranks, kind="stable")[:count]]
