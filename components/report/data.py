"""The data's counts and the files that were not used."""

from dataclasses import dataclass

from components.html.pages import Split
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.info import INFO, DatasetInfo, SplitInfo
from data_prep.sources.manifest import REJECTED, read_rejected
from data_prep.splits import SPLITS


@dataclass(frozen=True)
class Data:
    """The data set as a report describes it.

    Attributes:
        settings: its settings.
        splits: its counts.
        rejected: files that were not used: (file, reason).
    """

    settings: DataConfig
    splits: list[Split]
    rejected: list[tuple[str, str]]


def read_data(examples: str) -> Data:
    """Read `info.json` and `rejected.csv` from the folder of an Examples artifact."""
    info = DatasetInfo.read(storage.join(examples, INFO))
    rejected = read_rejected(storage.join(examples, REJECTED))
    made = {name for split in info.splits.values() for name in split.mixture_types}
    types = made | info.settings.shares.keys()
    return Data(
        settings=info.settings,
        splits=[_split(name, info.splits[name], types) for name in SPLITS],
        rejected=[(item.path, item.reason) for item in rejected],
    )


def _split(name: str, info: SplitInfo, types: set[str]) -> Split:
    counts = [
        ("mixtures", info.mixtures),
        *(
            (kind.title, info.mixture_types.get(kind.name, 0))
            for kind in MIXTURE_TYPES.values()
            if kind.name in types
        ),
        ("with audio", info.with_audio),
        ("dropped", len(info.dropped)),
        ("videos", info.videos),
        ("sources", info.sources),
        ("classes", sum(bool(label) for label in info.labels)),
    ]
    dropped = [(item.mixture_id, item.path, item.reason) for item in info.dropped]
    return Split(name, counts, dropped)
