"""The folder through which an examination's workers, on whatever machines, get and give files.

RUN/files.jsonl        path and stamp of each file to examine, a line each
RUN/000000000.jsonl.gz what a worker found out about the files of a batch
RUN/failure.json       the error that ends the work on all of them
.lease                 names the process that examines

Each run has a folder, because the workers of a killed one may go on.
"""

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from data_prep import storage
from data_prep.errors import StorageError
from data_prep.sources.examined_files import Examined, read_examined, write_examined
from data_prep.storage.children import children
from data_prep.storage.uris import local_path

_LARGEST_BATCH = 256  # files that one step of the Beam pipeline examines
_BATCHES = 64  # fewer files per step if that makes this many steps
_AT_ONCE = 16  # results that are read at the same time
_RESULTS = ".jsonl.gz"

Batch = tuple[int, int, int]
"""The number of a batch, and where its lines begin and end in `files.jsonl`, in bytes."""


def folder_beside(manifest: str) -> str:
    """Return the folder for the examination of a manifest's videos, which is hidden beside it."""
    return storage.join(storage.parent(manifest), f".index-{storage.name(manifest)}")


def folder_in(output: str) -> str:
    """Return a folder for an examination in another one, which counts as empty nevertheless.

    Its name is that of a draft; see `storage.is_empty`.
    """
    return storage.join(output, f".index.{'0' * 32}.tmp")


@contextmanager
def examination_folder(folder: str | None) -> Iterator["ExaminationFolder"]:
    """Yield a folder for one examination, which is empty at the end.

    Args:
        folder: a URI that all workers can reach; None for a temporary folder of this machine.
            What a killed process left in it is still there.

    Raises:
        UserError: another process examines there.
        StorageError: the folder cannot be written.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="examination-") as temporary:
            yield ExaminationFolder(temporary)
        return
    try:
        with storage.lease(folder):
            yield ExaminationFolder(folder)
    finally:
        if storage.is_local(folder):
            with suppress(OSError):  # it is gone, holds something, or is another process's now
                Path(local_path(folder)).rmdir()


@dataclass(frozen=True)
class ExaminationFolder:
    """The folder, for one run; it travels to the workers.

    Attributes:
        folder: the folder, a URI.
        run: name of the folder of this run in it.
    """

    folder: str
    run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def write_files(self, files: Sequence[tuple[str, str]]) -> list[Batch]:
        """Write paths and stamps, and return their batches, for `read_files`."""
        size = max(1, min(_LARGEST_BATCH, len(files) // _BATCHES))
        batches, end = list[Batch](), 0
        with storage.replacing(self._files) as draft, draft.open("wb") as out:
            for first in range(0, len(files), size):
                lines = [json.dumps(file).encode() + b"\n" for file in files[first : first + size]]
                start, end = end, end + sum(map(len, lines))
                out.writelines(lines)
                batches.append((len(batches), start, end))
        return batches

    @storage.retrying
    def read_files(self, batch: Batch) -> list[tuple[str, str]]:
        """Return the paths and stamps of a batch."""
        _, start, end = batch
        lines = storage.read_bytes(self._files, end, start=start).splitlines()
        return [(path, stamp) for path, stamp in map(json.loads, lines)]

    @storage.retrying
    def is_done(self, batch: Batch) -> bool:
        """Say whether nothing needs to be done for a batch: it has results, or all work ends."""
        return storage.exists(self._result(batch)) or storage.exists(self._failure)

    @storage.retrying
    def write_results(self, batch: Batch, results: Sequence[Examined]) -> None:
        """Write what was found out about a batch."""
        write_examined(self._result(batch), results)

    def write_failure(self, error: StorageError) -> None:
        """End the work on all batches.

        If the error were raised, Beam would change its text, and print a traceback.
        """
        storage.write_text(self._failure, json.dumps([error.uri, error.reason]))

    def require_no_failure(self) -> None:
        """Check that no worker has ended the work.

        Raises:
            StorageError: one has, with this error.
        """
        if storage.exists(self._failure):
            raise StorageError(*json.loads(storage.read_text(self._failure)))

    def results(self) -> list[str]:
        """Return the files of the batches of this run that have results."""
        return storage.list_files(self._run, _RESULTS, recursive=False)

    def leftovers(self) -> list[str]:
        """Return the files of results that runs have left, which may be damaged."""
        return storage.list_files(self.folder, _RESULTS)

    def read_results(self) -> list[Examined]:
        """Return what this run has found out so far."""
        return [item for results in read_each(self.results(), read_examined) for item in results]

    def clear(self) -> None:
        """Remove what all runs have written; the lease stays."""
        for item in children(self.folder):
            if item.is_folder:
                storage.remove_tree(item.uri)

    @property
    def _run(self) -> str:
        return storage.join(self.folder, self.run)

    @property
    def _files(self) -> str:
        return storage.join(self._run, "files.jsonl")

    @property
    def _failure(self) -> str:
        return storage.join(self._run, "failure.json")

    def _result(self, batch: Batch) -> str:
        return storage.join(self._run, f"{batch[0]:09d}{_RESULTS}")


def read_each(
    files: Sequence[str], read: Callable[[str], list[Examined]]
) -> Iterator[list[Examined]]:
    """Yield the results in each file, several of which are read at the same time."""
    with ThreadPoolExecutor(_AT_ONCE, "results") as pool:  # an object store takes 50 ms for each
        yield from pool.map(read, files)
