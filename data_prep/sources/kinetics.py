"""The videos of a folder: Kinetics' layout with its annotations, or any plain folder."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.splits import EVAL, TRAIN

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
EXTENSIONS = frozenset(
    {
        ".3gp",
        ".avi",
        ".flv",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    }
)
_SPLIT_NAMES = {"train": TRAIN, "val": EVAL, "validate": EVAL, "validation": EVAL}
_HEAD = 2**16  # bytes of a CSV that hold its first line

Key = tuple[str, int, int]
"""Kinetics' name of a clip: YouTube id, start and end in seconds."""
Rows = dict[Key, dict[str, str]]


@dataclass(frozen=True)
class Rejection:
    """A file that is not used, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Entry:
    """A video that was found, not opened yet.

    Attributes:
        path: its URI.
        id: Kinetics' `<youtube id>_<start>_<end>`, or the path within a plain folder.
        source: what it was cut from (the YouTube id); "" in a plain folder.
        label: its class; "" in a plain folder.
        split: "train" or "eval" if annotations say so, otherwise "".
    """

    path: str
    id: str
    source: str
    label: str
    split: str


@dataclass(frozen=True)
class Listing:
    """Contents of a folder; `absent` counts annotated videos that it does not hold."""

    entries: list[Entry]
    rejections: list[Rejection]
    absent: int = 0


def first_reasons(rejections: Sequence[Rejection]) -> str:
    """Return why the first few files are not used, to be appended to an error message."""
    return "".join(f"; {storage.name(item.path)}: {item.reason}" for item in rejections[:3])


def find_videos(root: str, annotations: Sequence[str] = ()) -> Listing:
    """Find the videos in a folder.

    Kinetics' layout is files named `<youtube id>_<start>_<end>.<extension>`, in folders or not,
    and CSVs with the columns label, youtube_id, time_start, time_end, split. Unless `annotations`
    are given, such CSVs are looked for in the folder itself, then in the one above it; those above
    count only if they name a file of this folder. A folder without CSVs is a plain folder: every
    video in it is taken, without a label, as a separate source. Hidden files and folders are
    skipped.

    Args:
        root: the folder.
        annotations: Kinetics' CSVs; empty to look for them.

    Returns:
        Entries sorted by path, and the rejected files.

    Raises:
        UserError: the folder is missing or holds no file named like a video, or a given CSV is
            missing or lacks a column.
    """
    if not storage.is_dir(root):
        raise UserError(f"videos folder not found: {root}")
    root = storage.absolute(root)
    files, rejections = _named_in_utf_8(storage.list_files(root, hidden=False))
    videos = [file for file in files if _suffix(file) in EXTENSIONS]
    if not videos:
        raise UserError(f"{root}: the folder must hold videos, got no video file")
    rejections += [
        Rejection(file, f"{PurePosixPath(file).suffix or 'no extension'}: not a video file name")
        for file in files
        if _suffix(file) not in EXTENSIONS and _suffix(file) != ".csv"
    ]
    rows = _read_all(annotations) if annotations else _discover(root, videos)
    if not annotations and not rows:
        return Listing([_plain(file, root) for file in videos], rejections)
    entries, unmatched, absent = _match(videos, rows)
    return Listing(entries, unmatched + rejections, absent)


def _suffix(file: str) -> str:
    return PurePosixPath(file).suffix.lower()


def _named_in_utf_8(files: Sequence[str]) -> tuple[list[str], list[Rejection]]:
    """Separate out the files whose names a manifest cannot hold."""
    named, rejections = [], []
    for file in files:
        try:
            file.encode()
            named.append(file)
        except UnicodeEncodeError:
            shown = file.encode(errors="backslashreplace").decode()
            rejections.append(Rejection(shown, "its name is not UTF-8"))
    return named, rejections


def _plain(file: str, root: str) -> Entry:
    name = file.removeprefix(root).lstrip("/")
    return Entry(path=file, id=name, source="", label="", split="")


def _read_all(annotations: Iterable[str]) -> Rows:
    rows: Rows = {}
    for file in annotations:
        rows.update(_read(file))
    return rows


def _discover(root: str, videos: Sequence[str]) -> Rows:
    """Read the annotations in the folder, or those above it that name one of its files."""
    rows = _read_all(_annotations(root))
    if rows:
        return rows
    try:
        above = _annotations(storage.parent(root))
    except StorageError:  # a folder that one may pass through but not list
        return {}
    rows = _read_all(above)
    return rows if any(_key(file) in rows for file in videos) else {}


def _annotations(folder: str) -> list[str]:
    files = storage.list_files(folder, ".csv", recursive=False)
    return [file for file in files if _is_annotation(file)]


def _is_annotation(file: str) -> bool:
    try:
        head = storage.read_bytes(file, limit=_HEAD).decode("utf-8-sig", errors="replace")
        return "youtube_id" in next(csv.reader(io.StringIO(head, newline="")), [])
    except (StorageError, csv.Error):  # somebody else's file, whatever is wrong with it
        return False


def _read(file: str) -> Rows:
    """Read a CSV into its rows by (youtube id, start, end)."""
    try:
        reader = csv.DictReader(io.StringIO(storage.read_text(file), newline=""))
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise UserError(
                f"{file}: annotations must have the columns {', '.join(COLUMNS)}; "
                f"missing: {', '.join(missing)}"
            )
        return {_row_key(file, reader.line_num, row): row for row in reader}
    except (StorageError, csv.Error) as error:
        reason = error.reason if isinstance(error, StorageError) else error
        raise UserError(f"{file}: annotations must be a readable CSV: {reason}") from error


def _row_key(file: str, line: int, row: dict[str, str]) -> Key:
    try:
        start, end = float(row["time_start"]), float(row["time_end"])
        return row["youtube_id"], int(start), int(end)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{file}: line {line}: time_start and time_end must be numbers, got "
            f"{row['time_start']!r} and {row['time_end']!r}"
        ) from error


def _key(file: str) -> Key | None:
    """Read (youtube id, start, end) from a file name; the id may hold underscores itself."""
    parts = PurePosixPath(file).stem.rsplit("_", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
        return parts[0], int(parts[1]), int(parts[2])
    return None


def _match(files: Sequence[str], rows: Rows) -> tuple[list[Entry], list[Rejection], int]:
    """Separate files into entries and rejections, and count the rows without a file."""
    entries, rejections, seen = [], [], set()
    for file in files:
        key = _key(file)
        row = rows.get(key) if key else None
        if key is None or row is None:
            rejections.append(Rejection(file, "not in the annotations"))
            continue
        seen.add(key)
        split = (row["split"] or "").strip().lower()
        if split == "test":
            rejections.append(Rejection(file, "the test split is held out"))
            continue
        entries.append(
            Entry(
                path=file,
                id=PurePosixPath(file).stem,
                source=key[0],
                label=row["label"] or "",
                split=_SPLIT_NAMES.get(split, ""),
            )
        )
    return entries, rejections, len(rows.keys() - seen)
