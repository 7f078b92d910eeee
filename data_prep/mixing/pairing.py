"""Which two clips, which windows, which kind of mixture: from the seed alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.sources.kinetics import SPLITS, Rejection
from data_prep.sources.manifest import Video

TRANSPARENCY, OCCLUSION = MIXTURE_TYPES = ("transparency", "occlusion")

# Durations come from timestamps in the container's own, coarser units.
DURATION_SLACK = 1e-3

# Draws at random cost nothing beside a look at half a million videos.
_TRIES = 1_000


@dataclass(frozen=True)
class Window:
    """A clip's place in a video: start in seconds, and relative crop position in [0, 1]."""

    video: Video
    start: float
    top: float
    left: float


@dataclass(frozen=True)
class Pairing:
    """The plan of one mixture; `v1` is the wanted clip."""

    split: str
    index: int
    seed: int
    mixture_type: str
    v1: Window
    v2: Window

    @property
    def mixture_id(self) -> str:
        """The mixture's name, unique in its data set."""
        return f"{self.split}-{self.index:08d}"

    def mask_rng(self) -> np.random.Generator:
        """Gives the random numbers of the mixture's mask, apart from those of its windows."""
        return np.random.default_rng([self.seed, SPLITS.index(self.split), self.index, 1])


def usable(videos: Sequence[Video], clip: ClipConfig) -> tuple[list[Video], list[Rejection]]:
    """Parts the videos that are long enough for a clip from those that are not."""
    kept, rejected = [], []
    for video in videos:
        if video.duration + DURATION_SLACK >= clip.seconds:
            kept.append(video)
        else:
            reason = f"{video.duration:.2f} s long: a clip needs {clip.seconds:.2f} s"
            rejected.append(Rejection(video.path, reason))
    return kept, rejected


def draw(videos: Sequence[Video], split: str, count: int, config: DataConfig) -> list[Pairing]:
    """Draws the mixtures of a split.

    Mixture i depends on the seed, the split, i and the videos, not on `count` or on the order of
    `videos`. V1 is drawn among the videos with sound where there are any, for its sound is the
    control; V2 among the videos of other sources, and of other labels if the settings say so and
    there are some. Windows start anywhere; crops lie anywhere in train and in the centre in eval.
    Occlusions are spread evenly: among the first i mixtures there are `i * occlusion_share` of
    them, rounded down.

    Args:
        videos: usable videos with their final splits; other splits' are left aside.
        split: "train" or "eval".
        count: mixtures to draw.
        config: settings of the data set.

    Returns:
        `count` pairings, by index.

    Raises:
        UserError: the split has fewer than two source videos.
    """
    pool = sorted(
        (video for video in videos if video.split == split),
        key=lambda video: (video.source, video.id, video.path),
    )
    blocks = _blocks(pool)
    if len(blocks) < 2:
        raise UserError(
            f"{split} split: mixtures need at least 2 usable source videos, received "
            f"{len(blocks)} ({len(pool)} usable files of {len(videos)} in all splits)"
        )
    labels = {video.label for video in pool}
    sounding = [i for i, video in enumerate(pool) if video.has_sound] or list(range(len(pool)))
    return [
        _pairing(pool, blocks, labels, sounding, split, index, config) for index in range(count)
    ]


def _blocks(pool: Sequence[Video]) -> dict[str, tuple[int, int]]:
    """Maps each source to its range [first, last) in a pool sorted by source."""
    blocks = {}
    for i, video in enumerate(pool):
        first, _ = blocks.get(video.source, (i, i))
        blocks[video.source] = (first, i + 1)
    return blocks


def _pairing(pool, blocks, labels, sounding, split, index, config) -> Pairing:
    rng = np.random.default_rng([config.seed, SPLITS.index(split), index])
    v1 = pool[sounding[rng.integers(len(sounding))]]
    distinct = config.distinct_labels and len(labels) > 1
    v2 = (_other_label if distinct else _other)(pool, v1, blocks[v1.source], rng)
    share = config.occlusion_share
    occlusion = math.floor((index + 1) * share) > math.floor(index * share)
    return Pairing(
        split=split,
        index=index,
        seed=config.seed,
        mixture_type=OCCLUSION if occlusion else TRANSPARENCY,
        v1=_window(v1, split, config.clip, rng),
        v2=_window(v2, split, config.clip, rng),
    )


def _other_label(pool, v1, block, rng) -> Video:
    """Draws a video of another source and label; of another source where there is no such one."""
    for _ in range(_TRIES):
        v2 = _other(pool, v1, block, rng)
        if v2.label != v1.label:
            return v2
    # Few, if any: they are looked for one by one.
    rest = [v for v in pool if v.source != v1.source and v.label != v1.label]
    return rest[rng.integers(len(rest))] if rest else v2


def _other(pool, v1, block, rng) -> Video:
    """Draws a video outside the block of V1's source."""
    first, last = block
    other = int(rng.integers(len(pool) - (last - first)))
    return pool[other if other < first else other + last - first]


def _window(video: Video, split: str, clip: ClipConfig, rng: np.random.Generator) -> Window:
    room = max(0.0, video.duration - clip.seconds)
    # To the millisecond, so that the record's float32 says where the window was.
    start = math.floor(rng.uniform(0.0, room) * 1000) / 1000
    top, left = rng.uniform(size=2).round(3).tolist() if split == "train" else (0.5, 0.5)
    return Window(video, start, top, left)
