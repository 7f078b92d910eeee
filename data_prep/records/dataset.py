"""The folder that `generate` writes: its layout, its resumption, and its completion.

settings.json                       settings and fingerprint, written first
manifest.csv                        the videos, with their splits
SPLIT/mixtures-00000-of-00004.tfrecord
progress/reports/SPLIT-00000.json   contents of a finished shard, so that only others are made
progress/videos-FINGERPRINT.arrow   the videos as workers read them, while there are workers
info.json  rejected.csv             counts, settings, sizes; rejected files and reasons
COMPLETED                           written last
.lease                              names the writer while there is one
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from data_prep import storage
from data_prep.config import DataConfig
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.mixing.plan_digest import decisive
from data_prep.mixing.planning import Plan
from data_prep.records.info import INFO, DatasetInfo
from data_prep.records.layout import RecordLayout
from data_prep.results import Results
from data_prep.sources import manifest
from data_prep.sources.manifest import MANIFEST, REJECTED
from data_prep.splits import SPLITS

SETTINGS = "settings.json"
COMPLETED = "COMPLETED"
PROGRESS = "progress"


class DatasetSettings(Results):
    """Settings of a data set, and a digest of all that decides its records."""

    fingerprint: str
    settings: DataConfig


@dataclass(frozen=True)
class Dataset:
    """The folder of a data set, a URI."""

    folder: str

    @property
    def layout(self) -> RecordLayout:
        """Places of all that the record writer writes."""
        return RecordLayout(
            unfinished=self._path(PROGRESS),
            splits={split: self._path(split) for split in SPLITS},
            info=self._path(INFO),
            rejected=self._path(REJECTED),
            marker=self._path(COMPLETED),
        )

    @property
    def is_complete(self) -> bool:
        """Whether all of the data set is there, every file of records with its size."""
        if not storage.exists(self._path(COMPLETED)):
            return False
        try:
            shards = self.read_info().shards
        except StorageMissingError:
            return False
        return shards.items() <= self.layout.sizes().items()

    @contextmanager
    def writing(
        self, config: DataConfig, *, overwrite: bool = False
    ) -> Iterator[Callable[[], None]]:
        """Check that the folder can be written or resumed, and be its only writer.

        This comes before any video is opened. Whether the data set has the same videos is seen
        when it is opened. A complete data set is only read, which others may do, too.

        Yields:
            A function to call before anything is written, and before the work is marked as
            complete; see `storage.lease`.

        Raises:
            UserError: the folder holds something else, or another process writes there.
            StorageError: the folder cannot be written.
        """
        found = self._found()
        if found is None:
            storage.require_new(self.folder, "output")
        elif not overwrite and decisive(found.settings) != decisive(config):
            raise self._other()
        if found is not None and self.is_complete and not overwrite:
            yield self._refuse
        else:
            with storage.lease(self.folder) as require_held:
                yield require_held

    def holds(self, planned: Plan) -> bool:
        """Say whether all of a planned data set is there."""
        found = self._found()
        return found is not None and found.fingerprint == planned.fingerprint and self.is_complete

    def open(self, planned: Plan, *, overwrite: bool) -> None:
        """Make the folder, or resume one that was begun with the same videos and settings.

        Raises:
            UserError: the folder holds something else and `overwrite` is not set. With it, only
                an incomplete data set of the same videos and settings is resumed.
        """
        settings = DatasetSettings(fingerprint=planned.fingerprint, settings=planned.config)
        found = self._found()
        if found is None:
            storage.require_new(self.folder, "output")
        elif overwrite and (found.fingerprint != settings.fingerprint or self.is_complete):
            self.clear()
            found = None
        elif found.fingerprint != settings.fingerprint:
            raise self._other()
        storage.remove(self._path(COMPLETED))  # of a data set that has lost some records
        storage.remove_drafts(self.folder)
        if found != settings:
            settings.write(self._path(SETTINGS))
        manifest.write(self._path(MANIFEST), planned.videos)

    def clear(self) -> None:
        """Remove what `generate` wrote, the marker first and the settings last.

        The folder stays: it may be a mount point, or the link that a user made.
        """
        storage.remove(self._path(COMPLETED))
        for name in (PROGRESS, *SPLITS):
            storage.remove_tree(self._path(name))
        # A killed removal is recognized by the settings, and can be done again.
        for name in (MANIFEST, INFO, REJECTED, SETTINGS):
            storage.remove(self._path(name))

    def read_info(self) -> DatasetInfo:
        """Read the facts about a complete data set."""
        return DatasetInfo.read(self._path(INFO))

    def _path(self, name: str) -> str:
        return storage.join(self.folder, name)

    def _found(self) -> DatasetSettings | None:
        if not storage.exists(self._path(SETTINGS)):
            return None
        try:
            return DatasetSettings.read(self._path(SETTINGS))
        except StorageError:  # nobody knows what the folder holds
            raise
        except UserError:  # a file of somebody else
            return None

    def _refuse(self) -> NoReturn:
        raise self._other()

    def _other(self) -> UserError:
        return UserError(
            f"{self.folder}: the folder holds mixtures of other videos or settings; "
            "choose another folder or give --overwrite"
        )
