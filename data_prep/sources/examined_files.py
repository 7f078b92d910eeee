"""What is known of files that were examined, in a file, so that none is examined twice.

The file is JSON lines under gzip, whose checksum tells whether it is whole. Its first line says
what it is, and each other line is an `Examined`.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter

import av

from data_prep import storage
from data_prep.errors import UserError
from data_prep.media.probe import VideoInfo

EXAMINED = "examined.jsonl.gz"
"""Name of such a file beside a manifest."""

_EXAMINATION = 2  # raised whenever an examination may find something else than before
_HEADER = {"what": "layered-video: examined files", "version": _EXAMINATION, "av": av.__version__}
_LEVEL = 1  # of gzip; half a million lines take a second


@dataclass(frozen=True, slots=True)
class Content(VideoInfo):
    """Facts from the content of a video that can be used.

    Attributes:
        bytes: size of the file.
        sha256: digest of the file, hexadecimal.
    """

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What the examination of a file found; it depends on the file's content alone.

    Attributes:
        path: its URI.
        stamp: its `storage.Found.stamp` when it was listed; "" if the result may be another one
            although the file is the same, such as after a lack of permission.
        decoded: whether all frames were decoded.
        reason: why it cannot be used; "" if it can.
        content: facts about it; None if it cannot be used.
    """

    path: str
    stamp: str
    decoded: bool
    reason: str
    content: Content | None

    def holds(self, stamp: str, *, decode: bool) -> bool:
        """Say whether the file need not be examined, given its stamp now.

        All frames decoded is more than packets read; it serves both.
        """
        return stamp != "" and stamp == self.stamp and (self.decoded or not decode)


_FACTS = attrgetter(*(field.name for field in fields(Content)))  # `astuple` takes ten times as long


def write_examined(uri: str, files: Iterable[Examined]) -> None:
    """Write what was examined, atomically; the same files give the same bytes."""
    with (
        storage.replacing(uri) as draft,
        draft.open("wb") as packed,
        gzip.GzipFile("", "wb", _LEVEL, packed, mtime=0) as file,
    ):
        _write_line(file, _HEADER)
        for item in files:
            facts = () if item.content is None else _FACTS(item.content)
            _write_line(file, [item.path, item.stamp, item.decoded, item.reason, *facts])


def read_examined(uri: str) -> list[Examined]:
    """Read what `write_examined` wrote.

    Raises:
        UserError: the file is damaged, something else, or of another version.
        StorageError: it cannot be read.
    """
    data = storage.read_bytes(uri)
    try:
        with gzip.open(io.BytesIO(data)) as lines:
            if json.loads(next(lines, "null")) == _HEADER:
                return [_parsed(line) for line in lines]
        reason = "is of another version, or something else"
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        reason = f"is damaged: {error}"
    raise UserError(f"{uri}: {reason}")


def _write_line(file: gzip.GzipFile, values: object) -> None:
    file.write(json.dumps(values, separators=(",", ":")).encode() + b"\n")


def _parsed(line: bytes) -> Examined:
    path, stamp, decoded, reason, *facts = json.loads(line)
    return Examined(path, stamp, decoded, reason, Content(*facts) if facts else None)
