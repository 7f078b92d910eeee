"""Progress of a run, from the reports of its finished shards, whichever engine runs it."""

from collections import Counter

from data_prep import storage
from data_prep.errors import UserError
from data_prep.records.layout import RecordLayout
from data_prep.records.outcomes import ShardReport


class ShardProgress:
    """Reads each report once; for a progress bar that asks every second."""

    def __init__(self, layout: RecordLayout):
        self._layout = layout
        self._read: set[str] = set()
        self._mixtures: Counter[str] = Counter()
        self._dropped = 0

    def finished(self) -> int:
        """Return the number of finished shards.

        Raises:
            StorageError: the reports cannot be listed or read.
        """
        files = storage.list_files(self._layout.reports, ".json", hidden=False)
        for file in files:
            if file not in self._read:
                self._add(file)
                self._read.add(file)
        return len(files)

    def describe(self) -> str:
        """Say what the shards hold that `finished` counted."""
        counts = [f"{count:,} {name}" for name, count in sorted(self._mixtures.items())]
        return ", ".join(counts + [f"{self._dropped:,} dropped"] * bool(self._dropped))

    def _add(self, file: str) -> None:
        try:
            report = ShardReport.read(file)
        except UserError:  # of another version, or replaced meanwhile
            return
        self._mixtures.update(report.mixture_types)
        self._dropped += len(report.dropped)
