"""What a file of records holds, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_prep import storage
from data_prep.config import DataConfig
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.pairing import DURATION_SLACK
from data_prep.records.features import FRONTS, RecordError
from data_prep.records.record import decode
from data_prep.records.tfrecord import read_records
from data_prep.sources.videos import Videos
from data_prep.splits import SPLITS

_SHOWN = 3  # of many names, in one line
_SINGLE = 2**-22  # a number of 32 bits differs by this share at most from what it was


class KnownVideos:
    """The videos of a manifest as records name them.

    Attributes:
        videos: number of videos of each split.
        sources: sources of each split.
    """

    def __init__(self, videos: Videos):
        self.videos = dict.fromkeys(SPLITS, 0)
        self.sources = {split: set[str]() for split in SPLITS}
        self._durations: dict[tuple[str, str, str], float] = {}
        for video in videos:
            self.videos[video.split] = self.videos.get(video.split, 0) + 1
            self.sources.setdefault(video.split, set()).add(video.source)
            # Two files may hold the same clip, one of them a little longer.
            key = (video.split, video.id, video.source)
            self._durations[key] = max(video.duration, self._durations.get(key, 0.0))

    def duration(self, split: str, name: str, source: str) -> float | None:
        """Return the seconds of a video, or None if the split has no such video."""
        return self._durations.get((split, name, source))


@dataclass
class ShardContents:
    """What a file of records holds.

    Attributes:
        problems: what is wrong with it, a line each.
        is_whole: whether all records could be read.
        records: number of records.
        mixture_types: number of records of each mixture type.
        with_audio: number of records whose target clip is audible.
        sources: sources of all clips.
    """

    problems: list[str] = field(default_factory=list)
    is_whole: bool = True
    records: int = 0
    mixture_types: Counter[str] = field(default_factory=Counter)
    with_audio: int = 0
    sources: set[str] = field(default_factory=set)


@storage.retrying
def read_shard(
    uri: str, key: str, ids: Sequence[str], settings: DataConfig, known: KnownVideos | None
) -> ShardContents:
    """Read all records of a file.

    Args:
        uri: the file.
        key: its name in the data set, SPLIT/NAME, which begins every problem.
        ids: the mixtures that it must hold, in their order.
        settings: settings of the data set.
        known: the videos of its manifest; None if there is none.

    Raises:
        StorageError: the storage failed.
    """
    found, got = ShardContents(), list[str]()
    with storage.local_copy(uri) as path:
        try:
            for record in read_records(path):
                where = f"{key}: record {found.records}"
                found.records += 1
                try:
                    values = _decoded(record, settings)
                except RecordError as error:
                    found.problems.append(f"{where}: {error}")
                    found.is_whole = False
                    continue
                got.append(values["mixture_id"])
                _add(found, values)
                problems = _problems(values, key.partition("/")[0], settings, known)
                found.problems += [f"{where}: {problem}" for problem in problems]
        except RecordError as error:  # of the file; what follows cannot be told apart
            found.problems.append(f"{key}: {error}")
            found.is_whole = False
    if found.is_whole:
        found.problems += [f"{key}: {problem}" for problem in _compare_ids(ids, got)]
    return found


def few(names: Sequence[str]) -> str:
    """Return the first names of some for a line of text."""
    return ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)


def _compare_ids(wanted: Sequence[str], got: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the mixtures of a file that could be read."""
    counts = Counter(got)
    for what, names in (
        ("lacks", [name for name in wanted if name not in counts]),
        ("must not have", sorted(counts.keys() - set(wanted))),
        ("must have once", [name for name, count in counts.items() if count > 1]),
    ):
        if names:
            yield f"mixtures: {what} {few(names)}"
    if counts == Counter(wanted) and list(got) != list(wanted):
        yield f"mixtures: must be in the order {few(wanted)}, got {few(got)}"


def _decoded(record: bytes, settings: DataConfig) -> dict[str, Any]:
    """Decode a record completely.

    Raises:
        RecordError: it does not keep the contract, or its clips cannot be decoded.
    """
    try:
        return decode(record, settings.recorded_clip)
    except (RecordError, MemoryError):
        raise
    except Exception as error:  # of whatever decodes images and texts
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordError(f"a clip or a text cannot be decoded: {reason}") from error


def _add(found: ShardContents, values: Mapping[str, Any]) -> None:
    found.mixture_types[values["mixture_type"]] += 1
    found.with_audio += values["v1_has_sound"]
    found.sources |= {values["v1_source"], values["v2_source"]}


def _problems(
    values: Mapping[str, Any], split: str, settings: DataConfig, known: KnownVideos | None
) -> list[str]:
    """Return what is wrong with the values of a record."""
    problems = []
    if values["seed"] != settings.seed:
        problems.append(f"seed: must be {settings.seed}, got {values['seed']}")
    if values["mixture_type"] not in MIXTURE_TYPES:
        problems.append(f"mixture_type: must be a known one, got {values['mixture_type']!r}")
    if values["front"] not in FRONTS:
        problems.append(f"front: must be one of {list(FRONTS)}, got {values['front']}")
    if values["v1_source"] == values["v2_source"]:
        problems.append(f"sources: must be two, got {values['v1_source']} twice")
    for clip in ("v1", "v2"):
        for key in (f"{clip}_top", f"{clip}_left"):
            if not 0 <= values[key] <= 1:
                problems.append(f"{key}: must be from 0 to 1, got {values[key]:g}")
        start, end = values[f"{clip}_start"], values[f"{clip}_start"] + settings.clip.seconds
        if start < 0:
            problems.append(f"{clip}_start: must be at least 0, got {start:g}")
        if known is None:
            continue
        duration = known.duration(split, values[f"{clip}_id"], values[f"{clip}_source"])
        if duration is None:
            problems.append(
                f"{clip}: must be a video of {split} in manifest.csv, got "
                f"{values[f'{clip}_id']} of {values[f'{clip}_source']}"
            )
        elif end > duration + DURATION_SLACK + end * _SINGLE:
            problems.append(
                f"{clip}: its window must end by {duration:.3f} s, where the video ends, got "
                f"{end:.3f} s"
            )
    return problems
