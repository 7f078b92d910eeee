"""Which mixtures are to be made of the videos; it needs no TensorFlow, so it can be asked first."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.config import DataConfig
from data_prep.mixing.pairing import Pairing, draw, usable
from data_prep.sources.kinetics import SPLITS, Rejection
from data_prep.sources.manifest import Video, assign_splits


@dataclass(frozen=True)
class Plan:
    """What is to be made of the videos.

    Attributes:
        videos: those long enough, each with its final split.
        rejections: those too short.
        pairings: split -> its mixtures, by index.
    """

    videos: list[Video]
    rejections: list[Rejection]
    pairings: dict[str, list[Pairing]]


def plan(videos: Sequence[Video], config: DataConfig) -> Plan:
    """Plans the mixtures of both splits, from the videos and the settings alone.

    Raises:
        UserError: a split has fewer than two usable source videos.
    """
    long_enough, too_short = usable(videos, config.clip)
    long_enough = assign_splits(long_enough, config)
    counts = {"train": config.train_mixtures, "eval": config.eval_mixtures}
    pairings = {split: draw(long_enough, split, counts[split], config) for split in SPLITS}
    return Plan(long_enough, too_short, pairings)
