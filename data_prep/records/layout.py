"""Places of a data set's files, and how its mixtures are laid out over them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from data_prep import storage
from data_prep.config import DataConfig
from data_prep.errors import StorageMissingError
from data_prep.splits import SPLITS
from data_prep.storage.stores import open_store, storage_errors

REPORTS = "reports"
"""Name of the folder of the reports of finished shards."""


@dataclass(frozen=True)
class Shard:
    """One file of records to make: a range of the mixtures of a split.

    Attributes:
        split: the split.
        number: number of the file among those of the split.
        of: how many files the split has.
        start: index of the first mixture.
        stop: index after the last one.
    """

    split: str
    number: int
    of: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"mixtures-{self.number:05d}-of-{self.of:05d}.tfrecord"

    @property
    def key(self) -> str:
        """Name of the file in the data set, SPLIT/NAME."""
        return f"{self.split}/{self.name}"


@dataclass(frozen=True)
class RecordLayout:
    """Places of everything that the record writer writes, as URIs.

    Attributes:
        unfinished: folder of what resumes an interrupted run: the reports of finished shards.
            With them, records that are lost later are made again.
        splits: folder of each split's records, by split.
        info: the file `info.json`.
        rejected: the file `rejected.csv`.
        attempts_below: folder below which records of earlier attempts are taken over; None if all
            attempts write to the same places. Reports may name others: an output can be moved.
        marker: a file that is written last; None for none.
    """

    unfinished: str
    splits: Mapping[str, str]
    info: str
    rejected: str
    attempts_below: str | None = None
    marker: str | None = None

    @property
    def reports(self) -> str:
        """Folder of the reports of finished shards."""
        return storage.join(self.unfinished, REPORTS)

    def videos(self, fingerprint: str) -> str:
        """Return the file of the videos, as workers read them.

        Its name keeps workers of a job that was not canceled from reading those of another one.
        """
        return storage.join(self.unfinished, f"videos-{fingerprint[:16]}.arrow")

    def records(self, shard: Shard) -> str:
        """Return the URI of a shard's file."""
        return storage.join(self.splits[shard.split], shard.name)

    def report(self, shard: Shard) -> str:
        """Return the URI of the report that makes a shard a finished one."""
        return storage.join(self.reports, f"{shard.split}-{shard.number:05d}.json")

    def may_take_over(self, records: str) -> bool:
        """Say whether a file of records was made by an earlier attempt at these ones."""
        below = self.attempts_below
        return below is not None and records.startswith(f"{below.rstrip('/')}/")

    def sizes(self) -> dict[str, int]:
        """Return the bytes of the files of records, by SPLIT/NAME."""
        return {
            f"{split}/{name}": size
            for split, folder in self.splits.items()
            for name, size in _sizes(folder).items()
        }


def lay_out(config: DataConfig) -> Iterator[Shard]:
    """Yield the shards of both splits; the file of a mixture depends on its index alone."""
    for split in SPLITS:
        count, size = config.mixtures_of(split), config.shard_size_of(split)
        starts = range(0, count, size)
        for number, start in enumerate(starts):
            yield Shard(split, number, len(starts), start, min(start + size, count))


@storage.retrying
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
