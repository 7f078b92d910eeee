"""Paths of a local run."""

import hashlib
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Self

from data_prep import storage
from data_prep.errors import UserError

_HERE = Path("/proc/self/cwd")
_SQLITE = b"SQLite format 3\0"


class Places:
    """Paths of local runs, all under one output folder.

    Attributes:
        output: the folder itself.
        manifests: `span-N/manifest.csv`, the videos of each span.
        artifacts: TFX's artifacts, one folder per pipeline.
        metadata: ML Metadata's SQLite file.
        unfinished: what resumes interrupted mixing.
        checkpoints: checkpoints of unfinished training runs.
        links: links to folders elsewhere whose names TFX would take for patterns, and models by
            their digests, linked or downloaded.
        summary: the `RunSummary` of the last run.
    """

    def __init__(self, output: Path) -> None:
        self._lay_out(output.resolve())

    def _lay_out(self, output: Path) -> None:
        self.output = output
        self.manifests = output / "manifests"
        self.artifacts = output / "artifacts"
        self.metadata = output / "metadata.db"
        self.unfinished = output / "unfinished"
        self.checkpoints = output / "checkpoints"
        self.links = output / "links"
        self.summary = output / "summary.json"

    def serving(self, kind: str) -> Path:
        """Return the folder that models of one kind are pushed to, one version per folder.

        Args:
            kind: a `models.tasks.task.Task.kind`.
        """
        return self.output / "serving" / kind

    def is_output(self) -> bool:
        """Return whether a run has written anything here."""
        return any(path.exists() for path in (self.metadata, self.output / "serving"))

    def check(self) -> None:
        """Check that nothing else is at these places.

        Raises:
            UserError: a file is where a folder must be, or `metadata` is no database.
        """
        for folder in (self.manifests, self.artifacts, self.checkpoints, self.output / "serving"):
            if folder.exists() and not folder.is_dir():
                raise UserError(f"{folder}: must be a folder, got a file")
        if not self.metadata.exists():
            return
        if storage.read_bytes(str(self.metadata), limit=len(_SQLITE)) not in (b"", _SQLITE):
            raise UserError(f"{self.metadata}: must be a database of SQLite, got another file")

    @contextmanager
    def entered(self) -> Iterator[Self]:
        """Make the output the working directory, and yield its places as ML Metadata names them.

        The names begin with the working directory's, whatever that is. So the output can be moved,
        and a character of its path that means something in a pattern, such as `[`, is hidden from
        TFX. Processes that are started meanwhile find the same places. Messages of errors that
        leave the context name the output itself.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        inside = type(self)(self.output)
        with chdir(self.output):
            if _HERE.exists():  # on Linux; elsewhere the path itself has to do
                inside._lay_out(_HERE)
            try:
                yield inside
            except UserError as error:
                text = str(error).replace(str(inside.output), str(self.output))
                raise UserError(text) from error

    def name_of(self, folder: str) -> str:
        """Return the name by which ML Metadata can know a folder, inside the output or elsewhere.

        Args:
            folder: a URI; one on this machine is absolute.
        """
        if not storage.is_local(folder):
            return folder
        output, path = self.output.resolve(), Path(storage.absolute(folder))
        if path.is_relative_to(output):
            return str(self.output / path.relative_to(output))
        return str(self._link_to(path) if storage.has_wildcards(str(path)) else path)

    def name_by_content(self, folder: str, digest: str) -> str:
        """Return a name of a folder that its content decides, wherever it is.

        Args:
            folder: a URI. A remote folder is downloaded, unless one with this content is there.
            digest: digest of the content.
        """
        name = self.links / digest
        if storage.is_local(folder):
            _link(name, Path(storage.absolute(folder)))
        elif not name.exists():
            name.unlink(missing_ok=True)  # a link that leads nowhere any more
            draft = str(name.with_name(f".{digest}"))
            storage.remove_tree(draft)
            storage.copy_tree(folder, draft)
            storage.move(draft, str(name))
        return str(name)

    def _link_to(self, path: Path) -> Path:
        link = self.links / hashlib.sha256(bytes(path)).hexdigest()[:16]
        _link(link, path)
        return link


def _link(link: Path, target: Path) -> None:
    """Make a link to a folder, or keep the one that leads there; a downloaded folder stays."""
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_symlink():
        link.unlink()
    if not link.exists():
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(target)
