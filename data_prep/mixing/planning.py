"""Plan of a data set: which mixtures are made of which videos. It needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.config import DataConfig
from data_prep.mixing.pairing import Pairing, check_sources, draw, usable
from data_prep.sources.assign_splits import assign_splits
from data_prep.sources.kinetics import Rejection
from data_prep.sources.manifest import Video
from data_prep.splits import EVAL, SPLITS, TRAIN


@dataclass(frozen=True)
class Plan:
    """Mixtures to make of the videos.

    Attributes:
        videos: those that are long enough, each with its final split.
        rejections: those that are too short.
        config: settings of the data set.
    """

    videos: list[Video]
    rejections: list[Rejection]
    config: DataConfig

    def pairings(self, split: str) -> list[Pairing]:
        """Draw the mixtures of a split, by index."""
        counts = {TRAIN: self.config.train_mixtures, EVAL: self.config.eval_mixtures}
        return draw(self.videos, split, counts[split], self.config)


def plan(videos: Sequence[Video], config: DataConfig) -> Plan:
    """Plan the mixtures of both splits, from the videos and the settings alone.

    Nothing is drawn yet; `Plan.pairings` draws.

    Raises:
        UserError: a split has fewer than two usable source videos.
    """
    long_enough, too_short = usable(videos, config.clip)
    split_videos = assign_splits(long_enough, config)
    for split in SPLITS:
        check_sources(split_videos, split)
    return Plan(split_videos, too_short, config)
