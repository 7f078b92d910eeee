"""Files, here or on a remote store that Beam knows."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath


@contextmanager
def local_copy(path: str) -> Iterator[Path]:
    """Gives a local path to a file for as long as the context lasts.

    Args:
        path: a local path, which is given back as it is, or one with a scheme ("gs://..."), which
            is copied to a temporary file.

    Raises:
        OSError: the remote file cannot be read.
    """
    if "://" not in path:
        yield Path(path)
        return
    from apache_beam.io.filesystems import FileSystems

    with tempfile.NamedTemporaryFile(suffix=PurePosixPath(path).suffix) as copy:
        with FileSystems.open(path, compression_type="uncompressed") as remote:
            shutil.copyfileobj(remote, copy)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name in a file's folder; the file is replaced once the context ends well.

    Args:
        path: the file; its folder is made if missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 text file whole or not at all; its folder is made if missing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
