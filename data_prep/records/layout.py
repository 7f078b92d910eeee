"""Places of a data set's files, and how its mixtures are laid out over them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from data_prep import storage
from data_prep.mixing.pairing import Pairing
from data_prep.mixing.planning import Plan
from data_prep.splits import SPLITS


@dataclass(frozen=True)
class RecordLayout:
    """Places of everything that the record writer writes, as URIs.

    Attributes:
        unfinished: folder of what resumes an interrupted run: the reports of finished shards
            and, unless they are made in place, the shards. At the end it is empty.
        splits: folder of each split's records, by split.
        info: the file `info.json`.
        rejected: the file `rejected.csv`.
        in_place: whether shards are made in the folders of `splits` from the start. Otherwise they
            are made in `unfinished`, and linked or copied there once all are finished.
        marker: a file that is written last; None for none.
    """

    unfinished: str
    splits: Mapping[str, str]
    info: str
    rejected: str
    in_place: bool = False
    marker: str | None = None

    @property
    def reports(self) -> str:
        """Folder of the reports of finished shards."""
        return storage.join(self.unfinished, "reports")

    def shards(self, split: str) -> str:
        """Return the folder in which the shards of a split are made."""
        return self.splits[split] if self.in_place else storage.join(self.unfinished, split)


@dataclass(frozen=True)
class Shard:
    """One file of records to make, and the report that makes it a finished one."""

    records: str
    report: str
    pairings: tuple[Pairing, ...]


def lay_out(planned: Plan, layout: RecordLayout) -> Iterator[Shard]:
    """Yield the shards of both splits; the file of a mixture depends on its index alone."""
    size = planned.config.records_per_shard
    for split in SPLITS:
        pairings = planned.pairings(split)
        starts = range(0, len(pairings), size)
        for i, start in enumerate(starts):
            name = f"mixtures-{i:05d}-of-{len(starts):05d}.tfrecord"
            yield Shard(
                storage.join(layout.shards(split), name),
                storage.join(layout.reports, f"{split}-{i:05d}.json"),
                tuple(pairings[start : start + size]),
            )
