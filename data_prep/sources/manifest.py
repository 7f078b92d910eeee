"""The manifest: a CSV of all usable videos, one per line, with size, digest and shape."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from typing import Any

from data_prep import storage
from data_prep.errors import UserError
from data_prep.media.pcm import SILENCE
from data_prep.settings import shown
from data_prep.sources.csv_files import MissingColumnsError, read_csv, write_csv
from data_prep.sources.kinetics import Rejection
from data_prep.sources.videos import COLUMNS, Video, Videos
from data_prep.splits import SPLITS
from data_prep.storage.outputs import require_file_output

MANIFEST = "manifest.csv"
"""Name of a manifest in a data set or a span."""
REJECTED = "rejected.csv"
"""Name of the list of rejected files in a data set, or beside a manifest of the usual name."""

_MOST = 10**15  # nothing that a video has is more
_NUMBERS: dict[str, tuple[type, float]] = {  # with the least value
    "bytes": (int, 1),
    "duration": (float, 0),
    "width": (int, 1),
    "height": (int, 1),
    "fps": (float, 0),
    "video_stream": (int, 0),
    "audio_stream": (int, 0),
    "loudness": (float, SILENCE),
}
_REJECTED_COLUMNS = ("path", "reason")
_OPTIONAL = ("audio_stream", "loudness")  # empty without audio


def moved(videos: Sequence[Video], root: str, prefix: str) -> list[Video]:
    """Replace the folder that holds the videos by a prefix: "gs://..." or another folder."""
    root = storage.absolute(root)
    return [
        replace(video, path=storage.join(prefix.rstrip("/"), video.path.removeprefix(root)))
        for video in videos
    ]


def rejected_beside(uri: str) -> str:
    """Return the list of rejected files that goes with a manifest.

    It is `rejected.csv` beside `manifest.csv`, and `train.rejected.csv` beside `train.csv`, because
    a folder may hold several manifests.
    """
    name = storage.name(uri)
    own = REJECTED if name == MANIFEST else f"{name.removesuffix('.csv')}.{REJECTED}"
    return storage.join(storage.parent(uri), own)


def check_outputs(uri: str) -> None:
    """Check that a manifest and its list of rejected files can be written.

    Raises:
        UserError: one of them would replace something else, such as annotations or a video, or
            has a name that another manifest's list has.
        StorageError: it cannot be written.
    """
    if storage.name(uri).endswith(REJECTED):
        raise UserError(f"{uri}: a manifest must have another name than a list of rejected files")
    _require_output(uri, "a manifest", COLUMNS[:2])
    _require_output(rejected_beside(uri), "a list of rejected files", _REJECTED_COLUMNS)


def _require_output(uri: str, what: str, columns: Sequence[str]) -> None:
    require_file_output(uri)
    if not storage.exists(uri):
        return
    # Of the columns, those that manifests of older versions have too.
    header = ",".join(columns).encode()
    if (head := storage.read_bytes(uri, limit=len(header))) and head != header:
        raise UserError(f"{uri}: must be a new file, or {what} to replace, got another file")


def write(uri: str, videos: Sequence[Video]) -> None:
    """Write a manifest, atomically."""
    rows = videos.rows() if isinstance(videos, Videos) else map(astuple, videos)
    write_csv(uri, COLUMNS, rows)


def read(uri: str) -> Videos:
    """Read a manifest.

    Raises:
        UserError: the file is missing, lacks a column or has a value of the wrong type.
    """
    try:
        lines = read_csv(uri, "a manifest", COLUMNS)
    except MissingColumnsError as error:
        hint = "run `python -m data_prep index` again if it is of an older version"
        raise UserError(f"{error}; {hint}") from error
    rows = (_values(values, f"{uri}: line {line}") for line, values in lines)
    return Videos.of_values(rows)


def write_rejected(uri: str, rejections: Iterable[Rejection]) -> None:
    """Write the rejected files as a CSV of path and reason, atomically."""
    write_csv(uri, _REJECTED_COLUMNS, map(astuple, rejections))


def read_rejected(uri: str) -> list[Rejection]:
    """Read what `write_rejected` wrote; nothing if the file is missing.

    Raises:
        UserError: the file is not such a CSV.
    """
    if not storage.exists(uri):
        return []
    lines = read_csv(uri, "a list of rejected files", _REJECTED_COLUMNS)
    return [Rejection(values["path"], values["reason"]) for _, values in lines]


def _values(line: dict[str, str], where: str) -> list[Any]:
    """Return the values of a video in the order of `COLUMNS`."""
    row: dict[str, Any] = {name: line[name] for name in COLUMNS}
    for name in _NUMBERS:
        row[name] = _number(name, line[name], where)
    if row["split"] not in ("", *SPLITS):
        raise UserError(
            f"{where}: split must be {', '.join(SPLITS)} or empty, got {shown(row['split'])}"
        )
    return list(row.values())


def _number(name: str, text: str, where: str) -> float | None:
    kind, least = _NUMBERS[name]
    if name in _OPTIONAL and not text:
        return None
    try:
        value: float = kind(text)
    except ValueError:
        value = math.nan
    if not least <= value <= _MOST:  # nor is NaN
        raise UserError(
            f"{where}: {name} must be a finite {kind.__name__} of at least {least}, "
            f"got {shown(text)}"
        )
    return value
