"""Places of a data set's files, and how its mixtures are laid out over them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from data_prep import storage
from data_prep.errors import StorageMissingError
from data_prep.mixing.pairing import Pairing
from data_prep.mixing.planning import Plan
from data_prep.records.record_digest import fingerprint
from data_prep.splits import SPLITS
from data_prep.storage.stores import open_store, storage_errors


@dataclass(frozen=True)
class RecordLayout:
    """Places of everything that the record writer writes, as URIs.

    Attributes:
        unfinished: folder of what resumes an interrupted run: the reports of finished shards
            and, unless they are made in place, the shards. At the end it is empty, but for the
            reports of shards that were made in place: with them, lost ones are made again.
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

    def sizes(self) -> dict[str, int]:
        """Return the bytes of the files in the folders of `shards`, by SPLIT/NAME."""
        return {
            f"{split}/{name}": size
            for split in self.splits
            for name, size in _sizes(self.shards(split)).items()
        }


@dataclass(frozen=True)
class Shard:
    """One file of records to make, and the report that makes it a finished one.

    Attributes:
        records: URI of the file.
        report: URI of the report.
        fingerprint: that of the data set.
        pairings: the mixtures, in the order of the file.
    """

    records: str
    report: str
    fingerprint: str
    pairings: tuple[Pairing, ...]

    @property
    def key(self) -> str:
        """Name of the file of records in the data set, SPLIT/NAME."""
        return f"{self.pairings[0].split}/{storage.name(self.records)}"


def lay_out(planned: Plan, layout: RecordLayout) -> Iterator[Shard]:
    """Yield the shards of both splits; the file of a mixture depends on its index alone."""
    size = planned.config.records_per_shard
    digest = fingerprint(planned.videos, planned.config)
    for split in SPLITS:
        pairings = planned.pairings(split)
        starts = range(0, len(pairings), size)
        for i, start in enumerate(starts):
            name = f"mixtures-{i:05d}-of-{len(starts):05d}.tfrecord"
            yield Shard(
                storage.join(layout.shards(split), name),
                storage.join(layout.reports, f"{split}-{i:05d}.json"),
                digest,
                tuple(pairings[start : start + size]),
            )


def _sizes(folder: str) -> dict[str, int]:
    """List a folder with the sizes of its files; a missing one is empty."""
    with suppress(StorageMissingError), storage_errors(folder):
        if storage.is_local(folder):
            files = storage.list_files(folder, recursive=False)
            return {storage.name(file): storage.size(file) for file in files}
        # fsspec lists sizes, too, but leaves out local files that it cannot examine.
        store, path = open_store(folder)
        return {storage.name(item["name"]): item["size"] for item in store.ls(path, detail=True)}
    return {}
