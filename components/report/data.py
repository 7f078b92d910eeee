"""The facts about a data set that the page shows: files, splits, losses and their reasons."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.html.long_list import LongList
from components.html.pages import DataFacts, Split, rejected_files
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.info import INFO, DatasetInfo, SplitInfo
from data_prep.sources.kinetics import Rejection
from data_prep.sources.manifest import REJECTED, read_rejected
from data_prep.splits import EVAL, SPLITS

# What differs between files that are rejected for one reason: paths, quoted names and numbers.
_VARIABLE = re.compile(r"(?:\w+:/)?/\S.*|'[^']*'|(?<![\w.-])-?\d[\d.x]*")
_DETAILS = re.compile(rf"[:;] |{_VARIABLE.pattern}")


@dataclass(frozen=True)
class Data:
    """The data set as a report describes it.

    Attributes:
        settings: its settings.
        mixture_types: the types of its held-out mixtures, in the order of tables.
        facts: facts about it.
    """

    settings: DataConfig
    mixture_types: list[str]
    facts: DataFacts


def read_data(examples: str) -> Data:
    """Read `info.json` and `rejected.csv` from the folder of an Examples artifact."""
    info = DatasetInfo.read(storage.join(examples, INFO))
    rejected = read_rejected(storage.join(examples, REJECTED))
    splits = {name: info.splits[name] for name in SPLITS if name in info.splits}
    types = _types(info)
    facts = DataFacts(
        files=_files(info, rejected),
        splits=[
            Split(name, _counts(split, types, info.settings)) for name, split in splits.items()
        ],
        notes=list(_notes(info, splits, len(rejected))),
        reasons=_reasons(rejected),
        rejected=rejected_files([(item.path, item.reason) for item in rejected]),
        dropped=LongList(
            "dropped mixtures",
            "dropped.csv",
            ("split", "mixture", "file", "reason"),
            [
                (name, item.mixture_id, item.path, item.reason)
                for name, split in splits.items()
                for item in split.dropped
            ],
        ),
    )
    held_out = splits[EVAL].mixture_types if EVAL in splits else {}
    return Data(info.settings, [name for name in types if held_out.get(name)], facts)


def kind_of(reason: str) -> str:
    """Return what files have in common that are rejected for similar reasons.

    That is what comes before the details, if it is more than a word: before a colon or semicolon,
    and before a path, a quoted name or a number. Otherwise, the latter are replaced by "…".
    """
    details = _DETAILS.search(reason)
    head = reason[: details.start()] if details else reason
    if " " not in head.strip():
        return _VARIABLE.sub("…", reason)
    return head if not details or details[0][0] in ":;" else f"{head}…"


def _types(info: DatasetInfo) -> list[str]:
    """Return the mixture types that were made or asked for, in the order of tables."""
    made = {name for split in info.splits.values() for name in split.mixture_types}
    asked = {name for name, share in info.settings.shares.items() if share}
    return [name for name in MIXTURE_TYPES if name in made | asked]


def _files(info: DatasetInfo, rejected: Sequence[Rejection]) -> list[tuple[str, int]]:
    """Count the files; some of those that are used turn out to be unreadable in places."""
    used = sum(split.videos for split in info.splits.values())
    broken = {item.path for split in info.splits.values() for item in split.dropped}
    refused = len({item.path for item in rejected} - broken)
    return [
        ("found", used + refused),
        ("used", used),
        ("rejected", refused),
        ("used, but unreadable in places", len(broken)),
        ("annotated, but not found", info.annotated_but_absent),
    ]


def _counts(
    info: SplitInfo, types: Sequence[str], settings: DataConfig
) -> list[tuple[str, int | str]]:
    dropped, planned = len(info.dropped), info.mixtures + len(info.dropped)
    return [
        ("videos", info.videos),
        ("audible videos", info.audible_videos),
        ("videos with a silent track", info.silent_videos),
        ("sources", info.sources),
        ("classes", len(info.classes)),
        ("planned mixtures", planned),
        ("dropped mixtures", dropped),
        (f"share dropped, limit {_percent(settings.max_dropped_share)}", _share(dropped, planned)),
        ("mixtures", info.mixtures),
        *((MIXTURE_TYPES[name].title, info.mixture_types.get(name, 0)) for name in types),
        ("with audio", info.with_audio),
        ("without audio", info.mixtures - info.with_audio),
    ]


def _share(part: int, whole: int) -> str:
    return _percent(part / whole) if whole else "–"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _reasons(rejected: Sequence[Rejection]) -> LongList:
    """Count the files by the kind of their reason, the most frequent kind first."""
    counts = Counter(kind_of(item.reason) for item in rejected)
    examples = {kind_of(item.reason): item for item in reversed(rejected)}
    return LongList(
        "reasons",
        REJECTED,
        ("reason", "files", "example"),
        [
            (kind, count, f"{storage.name(examples[kind].path)}: {examples[kind].reason}")
            for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def _notes(info: DatasetInfo, splits: dict[str, SplitInfo], listed: int) -> Iterator[str]:
    """Yield what a reader should know before trusting the metrics."""
    if silent := [name for name, split in splits.items() if not split.with_audio]:
        yield (
            f"Target clips of the {' and '.join(silent)} mixtures are silent, all below "
            f"{info.settings.min_loudness:g} dBFS, so control by audio means nothing there."
        )
    for name, split in splits.items():
        for kind, share in info.settings.shares.items():
            if share and not split.mixture_types.get(kind):
                title = MIXTURE_TYPES[kind].title
                yield f"The {name} split has no {title}, although their share is {share:g}."
    if not any(split.classes for split in splits.values()):
        yield "No video has a class."
    if listed != info.files_not_used:
        yield (
            f"{REJECTED} lists {listed:,} files, but {info.files_not_used:,} were not used when "
            "the mixtures were made."
        )
