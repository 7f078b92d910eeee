"""Plan of a data set: which mixtures are made of which videos. It needs no TensorFlow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

from data_prep.config import DataConfig
from data_prep.mixing.pairing import Pairing, VideoPool, check_sources, usable
from data_prep.mixing.plan_digest import fingerprint
from data_prep.sources.assign_splits import assign_splits
from data_prep.sources.kinetics import Rejection
from data_prep.sources.videos import Video, Videos
from data_prep.splits import SPLITS


@dataclass(frozen=True, eq=False)
class Plan:
    """Mixtures to make of the videos.

    Attributes:
        videos: those that are long enough, each with its final split.
        rejections: those that are too short.
        config: settings of the data set.
    """

    videos: Videos
    rejections: list[Rejection]
    config: DataConfig
    _pools: dict[str, VideoPool] = field(default_factory=dict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that decides the records."""
        return fingerprint(self.videos, self.config)

    def pairings(self, split: str, start: int = 0, stop: int | None = None) -> Iterator[Pairing]:
        """Draw the mixtures [start, stop) of a split, by default all; none depends on the others.

        The first call sorts the videos of the split.
        """
        with self._lock:  # the threads of a worker share a plan
            if split not in self._pools:
                self._pools[split] = VideoPool(self.videos, split, self.config)
        end = self.config.mixtures_of(split) if stop is None else stop
        return self._pools[split].pairings(start, end)


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
