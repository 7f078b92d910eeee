"""Examination of one file: what depends on its content alone."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError
from data_prep.media.decoding import MediaError
from data_prep.media.isolated_reader import StoppedDecoderError, shared_reader
from data_prep.media.probe import VideoInfo
from data_prep.sources.examined_files import Content, Examined
from data_prep.storage.stores import storage_errors

_GONE = "is gone since the folder was listed; is a disk not mounted?"


def examine_file(path: str, stamp: str = "", *, decode: bool) -> Examined:
    """Open a file, and return facts about its content, or the reason why it cannot be used.

    Args:
        path: the file, a URI.
        stamp: its stamp when it was listed.
        decode: whether to decode all of it.

    Raises:
        StorageError: the storage failed several times in a way that may pass, such as a timeout,
            or the file is gone although it was listed, such as with a mount. That is no property
            of the file: without it, the data set would be another one.
    """
    try:
        return _opened(path, stamp, decode)
    except StoppedDecoderError as error:  # perhaps it was the machine, so it is not remembered
        return Examined(path, "", decode, error.reason, None)
    except MediaError as error:
        return Examined(path, stamp, decode, error.reason, None)
    except StorageMissingError as error:
        raise StorageError(path, _GONE) from error
    except StorageError as error:
        if _is_of_the_file(error, path):
            # Permission can be given without any other change, so the stamp tells nothing.
            return Examined(path, "", decode, f"cannot be read: {error.reason}", None)
        raise StorageError(path, error.reason) from error


def _is_of_the_file(error: StorageError, path: str) -> bool:
    if storage.is_lasting(error):
        storage.require_present(path)
        return True
    return False


@storage.retrying
def _opened(path: str, stamp: str, decode: bool) -> Examined:
    if problem := storage.why_not_a_file(path):
        storage.require_present(path)
        return Examined(path, "", decode, problem, None)
    with storage.local_copy(path) as local:
        size = storage.size(str(local))
        if size == 0:
            return Examined(path, stamp, decode, "empty file", None)
        info = _probe(local, decode=decode)
        digest = _digest(local)
    content = Content(bytes=size, sha256=digest, **asdict(info))
    return Examined(path, stamp, decode, "", content)


def _probe(path: Path, *, decode: bool) -> VideoInfo:
    """Examine a file in another process: nobody has opened it before."""
    return shared_reader().probe(path, decode=decode)


def _digest(path: Path) -> str:
    with storage_errors(str(path)), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
