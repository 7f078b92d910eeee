"""What earlier examinations found out, finished or killed, and what this one adds to it."""

from collections.abc import Callable, Iterable
from functools import partial

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.sources.examination_folder import ExaminationFolder, read_each
from data_prep.sources.examined_files import EXAMINED, Examined, read_examined, write_examined
from data_prep.sources.manifest import REJECTED, rejected_beside

Report = Callable[[str], None]


def kept_beside(uri: str) -> str:
    """Return the file that goes with a manifest; it is named as the list of rejected files is."""
    return rejected_beside(uri).removesuffix(REJECTED) + EXAMINED


class KnownFiles:
    """Results of examinations by the path of the file, some of them of files as they were.

    Attributes:
        found: the results.
    """

    def __init__(self, kept: str | None, folder: ExaminationFolder, report: Report, *, fresh: bool):
        """Read what is known.

        Args:
            kept: the file for `keep`; None for none.
            folder: where a killed run may have left results.
            report: called with a line about what cannot be read as such, and is ignored.
            fresh: whether to ignore all of it.
        """
        self._kept = kept
        self._in_file: list[Examined] = []
        self.found: dict[str, Examined] = {}
        if fresh:
            return
        if kept is not None and storage.exists(kept):
            self._in_file = _read(kept, report)
        self.learn(self._in_file)
        for results in read_each(folder.leftovers(), partial(_read, report=report)):
            self.learn(results)

    def learn(self, results: Iterable[Examined]) -> None:
        """Add results; they replace earlier ones of the same files."""
        self.found.update((item.path, item) for item in results)

    def holds(self, path: str, stamp: str, decode: bool) -> bool:
        """Say whether what is known of a file is still so; see `Examined.holds`."""
        item = self.found.get(path)
        return item is not None and item.holds(stamp, decode=decode)

    def keep(self, paths: Iterable[str]) -> None:
        """Write the results of some files, unless none is of a video, or they are there."""
        if self._kept is None:
            return
        items = [item for path in sorted(paths) if (item := self.found[path]).stamp]
        if items != self._in_file and any(item.content for item in items):
            write_examined(self._kept, items)
        self._in_file = []


def _read(uri: str, report: Report) -> list[Examined]:
    try:
        return read_examined(uri)
    except StorageError:
        raise
    except UserError as error:
        report(f"{error}; its files are examined again")
        return []
