"""Random choice of two clips, their windows and the mixture type, from the seed alone."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.mixing.spreading import spread, spread_within
from data_prep.sources.kinetics import Rejection
from data_prep.sources.manifest import Video
from data_prep.splits import SPLITS, TRAIN

# Durations come from timestamps in the container's own, coarser units.
DURATION_SLACK = 1e-3

# Random draws cost nothing compared with a look at half a million videos.
_TRIES = 1_000


@dataclass(frozen=True)
class Window:
    """Place of a clip in a video: start in seconds, and relative crop position in [0, 1]."""

    video: Video
    start: float
    top: float
    left: float


@dataclass(frozen=True)
class Pairing:
    """Plan of one mixture; `v1` is the target clip."""

    split: str
    index: int
    seed: int
    mixture_type: str
    v1: Window
    v2: Window

    @property
    def mixture_id(self) -> str:
        """Name of the mixture, unique in its data set."""
        return f"{self.split}-{self.index:08d}"

    def mixing_rng(self) -> np.random.Generator:
        """Return the random generator of how the clips are mixed, apart from their windows."""
        return np.random.default_rng([self.seed, SPLITS.index(self.split), self.index, 1])


def usable(videos: Sequence[Video], clip: ClipConfig) -> tuple[list[Video], list[Rejection]]:
    """Separate the videos that are long enough for a clip from those that are not."""
    kept, rejected = [], []
    for video in videos:
        if video.duration + DURATION_SLACK >= clip.seconds:
            kept.append(video)
        else:
            reason = f"too short: {video.duration:.2f} s, a clip needs {clip.seconds:.2f} s"
            rejected.append(Rejection(video.path, reason))
    return kept, rejected


def check_sources(videos: Sequence[Video], split: str) -> None:
    """Check that a split has enough source videos to draw mixtures from.

    Raises:
        UserError: the split has fewer than two source videos.
    """
    pool = [video for video in videos if video.split == split]
    sources = {video.source for video in pool}
    if len(sources) < 2:
        raise UserError(
            f"{split} split: mixtures need at least 2 usable source videos, got {len(sources)} "
            f"({len(pool)} usable files of {len(videos)} in all splits)"
        )


def draw(videos: Sequence[Video], split: str, count: int, config: DataConfig) -> list[Pairing]:
    """Draw the mixtures of a split.

    Mixture i depends on the seed, the split, i and the videos, but not on `count` or on the order
    of `videos`. V1 is drawn from the audible videos if there are any, because its audio is the
    control; V2 from the videos of other sources, and of V1's label or of other labels if the
    settings say so and there are some. Windows start anywhere; crops are anywhere in train and
    centered in eval. The mixture types, and the mixtures of one label among those of each type, are
    spread evenly (see `spreading`).

    Args:
        videos: usable videos with their final splits; those of other splits are ignored.
        split: one of `SPLITS`.
        count: mixtures to draw.
        config: settings of the data set.

    Returns:
        `count` pairings, by index.

    Raises:
        UserError: the split has fewer than two source videos.
    """
    check_sources(videos, split)
    pool = _Pool(videos, split, config)
    kinds = zip(spread(config.shares), _same_label(config), strict=True)
    return [pool.pairing(index, *next(kinds)) for index in range(count)]


def _same_label(config: DataConfig) -> Iterator[bool | None]:
    """Yield whether mixture 0, 1, 2, ... shows one label; None if labels are not looked at."""
    if config.same_label_share is None:
        return repeat(None)
    return spread_within(config.same_label_share, config.shares)


class _Pool:
    """Videos of one split, in the order that the draws refer to."""

    def __init__(self, videos: Sequence[Video], split: str, config: DataConfig):
        self._split = split
        self._config = config
        self._videos = sorted(
            (video for video in videos if video.split == split),
            key=lambda video: (video.source, video.id, video.path),
        )
        self._others = _Others(self._videos)
        by_label = defaultdict(list)
        for video in self._videos:
            by_label[video.label].append(video)
        self._by_label = {label: _Others(videos) for label, videos in by_label.items()}
        everything = list(range(len(self._videos)))
        self._targets = [
            i for i in everything if self._videos[i].is_audible(config.min_loudness)
        ] or everything

    def pairing(self, index: int, mixture_type: str, same_label: bool | None) -> Pairing:
        """Draw the mixture with this index."""
        config = self._config
        rng = np.random.default_rng([config.seed, SPLITS.index(self._split), index])
        v1 = self._videos[self._targets[rng.integers(len(self._targets))]]
        v2 = self._partner(v1, same_label, rng)
        return Pairing(
            split=self._split,
            index=index,
            seed=config.seed,
            mixture_type=mixture_type,
            v1=_window(v1, self._split, config.clip, rng),
            v2=_window(v2, self._split, config.clip, rng),
        )

    def _partner(self, v1: Video, same_label: bool | None, rng: np.random.Generator) -> Video:
        """Draw a video of another source, whose label suits if there is one."""
        # An empty label says nothing about the class.
        if same_label is None or not v1.label or len(self._by_label) == 1:
            return self._any(v1, rng)
        if same_label:
            return self._by_label[v1.label].draw(v1, rng) or self._any(v1, rng)
        return self._other_label(v1, rng)

    def _other_label(self, v1: Video, rng: np.random.Generator) -> Video:
        """Draw a video of another source and label, or of another source if there is none."""
        for _ in range(_TRIES):
            v2 = self._any(v1, rng)
            if v2.label != v1.label:
                return v2
        # There are few, if any, so the whole pool is searched.
        rest = [v for v in self._videos if v.source != v1.source and v.label != v1.label]
        return rest[rng.integers(len(rest))] if rest else v2

    def _any(self, v1: Video, rng: np.random.Generator) -> Video:
        """Draw a video of another source."""
        v2 = self._others.draw(v1, rng)
        assert v2 is not None, "check_sources found two sources"
        return v2


class _Others:
    """Videos sorted by source, from which those of other sources are drawn."""

    def __init__(self, videos: Sequence[Video]):
        self._videos = videos
        self._blocks = _blocks(videos)

    def draw(self, v1: Video, rng: np.random.Generator) -> Video | None:
        """Draw one outside the block of V1's source; None if there is none."""
        first, last = self._blocks[v1.source]
        rest = len(self._videos) - (last - first)
        if not rest:
            return None
        other = int(rng.integers(rest))
        return self._videos[other if other < first else other + last - first]


def _blocks(pool: Sequence[Video]) -> dict[str, tuple[int, int]]:
    """Map each source to its range [first, last) in a pool sorted by source."""
    blocks: dict[str, tuple[int, int]] = {}
    for i, video in enumerate(pool):
        first, _ = blocks.get(video.source, (i, i))
        blocks[video.source] = (first, i + 1)
    return blocks


def _window(video: Video, split: str, clip: ClipConfig, rng: np.random.Generator) -> Window:
    room = max(0.0, video.duration - clip.seconds)
    # Rounded to the millisecond, so that the record's float32 says where the window was.
    start = math.floor(rng.uniform(0.0, room) * 1000) / 1000
    top, left = rng.uniform(size=2).round(3).tolist() if split == TRAIN else (0.5, 0.5)
    return Window(video, start, top, left)
