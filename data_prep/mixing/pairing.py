"""Random choice of two clips, their windows and the mixture type, from the seed alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from threading import Lock

import numpy as np

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.mixing.spreading import spread, spread_within
from data_prep.mixing.steady_draw import NUMBERS, SteadyDraw, digests
from data_prep.sources.kinetics import Rejection
from data_prep.sources.videos import Video, Videos
from data_prep.splits import SPLITS, TRAIN

# Durations come from timestamps in the container's own, coarser units.
DURATION_SLACK = 1e-3

# Random draws cost nothing compared with a look at half a million videos.
_TRIES = 1_000

# What the random numbers of a mixture decide: each has a stream, so that one changes no other.
_TARGET, _MIXING, _PARTNER, _WINDOWS = range(4)


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
        return mixture_id(self.split, self.index)

    def mixing_rng(self) -> np.random.Generator:
        """Return the random generator of how the clips are mixed, apart from their windows."""
        return _rng(self.seed, self.split, self.index, _MIXING)


def mixture_id(split: str, index: int) -> str:
    """Return the name of a mixture, given its index in its split."""
    return f"{split}-{index:08d}"


def usable(videos: Sequence[Video], clip: ClipConfig) -> tuple[Videos, list[Rejection]]:
    """Separate the videos that are long enough for a clip from those that are not."""
    videos = Videos.of(videos)
    long_enough = videos.numbers("duration") + DURATION_SLACK >= clip.seconds
    if long_enough.all():
        return videos, []
    rejected = [
        Rejection(
            video.path, f"too short: {video.duration:.2f} s, a clip needs {clip.seconds:.2f} s"
        )
        for video in videos.take(~long_enough)
    ]
    return videos.take(long_enough), rejected


def check_sources(videos: Videos, split: str) -> None:
    """Check that a split has enough source videos to draw mixtures from.

    Raises:
        UserError: the split has fewer than two source videos.
    """
    pool = videos.in_split(split)
    count = len(np.unique(videos.codes("source")[0][pool]))
    if count < 2:
        raise UserError(
            f"{split} split: mixtures need at least 2 usable source videos, got {count} "
            f"({np.count_nonzero(pool)} usable files of {len(videos)} in all splits)"
        )


def draw(videos: Sequence[Video], split: str, count: int, config: DataConfig) -> list[Pairing]:
    """Draw the mixtures of a split, by index; see `VideoPool`."""
    return list(VideoPool(Videos.of(videos), split, config).pairings(0, count))


class VideoPool:
    """The videos of one split, from which its mixtures are drawn.

    Mixture i depends on the seed, the split, i and the videos, but not on the number of mixtures or
    on the order of the videos, and one more video changes few mixtures (see `steady_draw`). V1 is
    drawn from the audible videos if there are any, because its audio is the control; V2 from the
    videos of other sources, and of V1's label or of other labels if the settings say so and there
    are some. Windows start anywhere; crops are anywhere in train and centered in eval. The mixture
    types, and the mixtures of one label among those of each type, are spread evenly (see
    `spreading`).
    """

    def __init__(self, videos: Videos, split: str, config: DataConfig):
        """Sort the videos.

        Args:
            videos: usable videos with their final splits; those of other splits are not drawn.
            split: one of `SPLITS`.
            config: settings of the data set.

        Raises:
            UserError: the split has fewer than two source videos.
        """
        check_sources(videos, split)
        self._videos = videos
        self._split = split
        self._config = config
        sources, names = videos.codes("source")
        digest = digests(name.as_py() for name in names)[sources]
        order = videos.order("source", "id", "sha256")
        order = order[videos.in_split(split)[order]]
        # Stable, so that sources of one digest, if ever there are some, do not mingle.
        self._order = order[np.argsort(digest[order], kind="stable")].astype(np.int32)
        self._keys = digest[self._order]
        self._blocks = _blocks(sources[self._order])
        labels, names = videos.codes("label")
        self._labels, self._names = labels[self._order], names.to_pylist()
        self._is_one_class = len(np.unique(self._labels)) == 1
        everything = np.ones(len(self._order), bool)
        loudness = videos.numbers("loudness")[self._order]
        audible = loudness >= config.min_loudness  # not so if it is NaN
        self._all = SteadyDraw.of_mask(self._keys, everything)
        self._targets = SteadyDraw.of_mask(self._keys, audible if audible.any() else everything)
        self._by_label: dict[int, SteadyDraw] = {}
        self._kinds = _Kinds(config)

    def pairings(self, start: int, stop: int) -> Iterator[Pairing]:
        """Draw the mixtures [start, stop)."""
        for index in range(start, stop):
            yield self._pairing(index, *self._kinds[index])

    def _pairing(self, index: int, mixture_type: str, same_label: bool | None) -> Pairing:
        v1 = self._targets.draw(self._rng(index, _TARGET).random(NUMBERS))
        assert v1 is not None, "check_sources found two sources"
        v2 = self._partner(v1, same_label, self._rng(index, _PARTNER))
        rng = self._rng(index, _WINDOWS)
        return Pairing(
            split=self._split,
            index=index,
            seed=self._config.seed,
            mixture_type=mixture_type,
            v1=_window(self._videos[self._order[v1]], self._split, self._config.clip, rng),
            v2=_window(self._videos[self._order[v2]], self._split, self._config.clip, rng),
        )

    def _rng(self, index: int, purpose: int) -> np.random.Generator:
        return _rng(self._config.seed, self._split, index, purpose)

    def _partner(self, v1: int, same_label: bool | None, rng: np.random.Generator) -> int:
        """Draw a video of another source, whose label suits if there is one."""
        label = int(self._labels[v1])
        # An empty label says nothing about the class.
        if same_label is None or not self._names[label] or self._is_one_class:
            return self._any(v1, rng)
        if same_label:
            own = self._of_label(label).draw(rng.random(NUMBERS), self._block(v1))
            return self._any(v1, rng) if own is None else own
        return self._other_label(v1, rng)

    def _of_label(self, label: int) -> SteadyDraw:
        if label not in self._by_label:
            self._by_label[label] = SteadyDraw.of_mask(self._keys, self._labels == label)
        return self._by_label[label]

    def _other_label(self, v1: int, rng: np.random.Generator) -> int:
        """Draw a video of another source and label, or of another source if there is none."""
        for _ in range(_TRIES):
            v2 = self._any(v1, rng)
            if self._labels[v2] != self._labels[v1]:
                return v2
        # There are few, if any, so the whole pool is searched.
        rest = SteadyDraw.of_mask(self._keys, self._labels != self._labels[v1])
        other = rest.draw(rng.random(NUMBERS), self._block(v1))
        return v2 if other is None else other

    def _any(self, v1: int, rng: np.random.Generator) -> int:
        """Draw a video of another source."""
        v2 = self._all.draw(rng.random(NUMBERS), self._block(v1))
        assert v2 is not None, "check_sources found two sources"
        return v2

    def _block(self, row: int) -> tuple[int, int]:
        """Return the rows [first, last) of a row's source."""
        block = int(np.searchsorted(self._blocks, row, side="right"))
        return int(self._blocks[block - 1]), int(self._blocks[block])


def _blocks(sources: np.ndarray) -> np.ndarray:
    """Return where each block of equal sources begins, and where the last one ends."""
    changes = np.flatnonzero(sources[1:] != sources[:-1]) + 1
    return np.concatenate([[0], changes, [len(sources)]])


class _Kinds:
    """The type of each mixture, and whether it shows one label; None if labels are not looked at.

    They are spread in the order of the mixtures, and kept, because a later range begins anywhere.
    """

    def __init__(self, config: DataConfig):
        share = config.same_label_share
        labels = repeat(None) if share is None else spread_within(share, config.shares)
        self._drawn: Iterator[tuple[str, bool | None]] = zip(
            spread(config.shares), labels, strict=True
        )
        self._kinds: list[tuple[str, bool | None]] = []
        self._numbers: dict[tuple[str, bool | None], int] = {}
        self._known = bytearray()
        self._lock = Lock()  # the threads of a worker share a plan

    def __getitem__(self, index: int) -> tuple[str, bool | None]:
        with self._lock:
            for _ in range(index + 1 - len(self._known)):
                kind = next(self._drawn)
                number = self._numbers.setdefault(kind, len(self._numbers))
                if number == len(self._kinds):
                    self._kinds.append(kind)
                self._known.append(number)
            return self._kinds[self._known[index]]


def _rng(seed: int, split: str, index: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, SPLITS.index(split), index, purpose])


def _window(video: Video, split: str, clip: ClipConfig, rng: np.random.Generator) -> Window:
    room = max(0.0, video.duration - clip.seconds)
    # Rounded to the millisecond, so that the record's float32 says where the window was.
    start = math.floor(rng.uniform(0.0, room) * 1000) / 1000
    top, left = rng.uniform(size=2).round(3).tolist() if split == TRAIN else (0.5, 0.5)
    return Window(video, start, top, left)
