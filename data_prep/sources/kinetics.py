"""The videos of a folder: Kinetics' layout with its annotations, or any plain folder."""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import UserError

SPLITS = ("train", "eval")
COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
EXTENSIONS = frozenset(
    (
        *(".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"),
    )
)
_SPLIT_NAMES = {"train": "train", "val": "eval", "validate": "eval", "validation": "eval"}


@dataclass(frozen=True)
class Rejection:
    """A file that is not used, and why, in words."""

    path: str
    reason: str


@dataclass(frozen=True)
class Entry:
    """A video that was found, unopened.

    Attributes:
        path: where it lies.
        id: Kinetics' `<youtube id>_<start>_<end>`, or the path within a plain folder.
        source: what it was cut from (the YouTube id); "" in a plain folder.
        label: its class; "" in a plain folder.
        split: "train" or "eval" where annotations say so, else "".
    """

    path: str
    id: str
    source: str
    label: str
    split: str


@dataclass(frozen=True)
class Listing:
    """What a folder holds; `absent` counts annotated videos that it does not hold."""

    entries: list[Entry]
    rejections: list[Rejection]
    absent: int = 0


def first_reasons(rejections: Sequence[Rejection]) -> str:
    """Says why the first few files are not used, to go on an error's line."""
    return "".join(f"; {Path(item.path).name}: {item.reason}" for item in rejections[:3])


def find_videos(root: Path, annotations: Sequence[Path] | None = None) -> Listing:
    """Finds the videos under a folder.

    Kinetics' layout is files named `<youtube id>_<start>_<end>.<extension>`, in folders or not,
    and CSVs with the columns label, youtube_id, time_start, time_end, split. Without `annotations`
    such CSVs are looked for in the folder itself and in the one above it; the ones above count
    only if they name a file of this folder. Without CSVs it is a plain folder: every video in it
    is taken, without a label, as a source of its own. Hidden files and folders are passed over.

    Args:
        root: the folder.
        annotations: Kinetics' CSVs; None to look for them.

    Returns:
        Entries sorted by path, and the files that are not used.

    Raises:
        UserError: the folder is missing or holds no file named like a video, or a given CSV is
            missing or lacks a column.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root}: a folder of videos is needed; there is no such folder")
    root = root.resolve()
    files, unnamed = _named_in_utf_8(_visible_files(root))
    videos = [path for path in files if path.suffix.lower() in EXTENSIONS]
    if not videos:
        raise UserError(f"{root}: a folder of videos is needed; it holds no video file")
    others = unnamed + [
        Rejection(str(path), f"{path.suffix or 'no extension'}: not a video's file name")
        for path in files
        if path.suffix.lower() not in EXTENSIONS and path.suffix.lower() != ".csv"
    ]
    if annotations:
        rows = _read_all(annotations)
    else:
        rows = _discover(root, videos)
        if not rows:
            return Listing([_plain(path, root) for path in videos], others)
    entries, rejections, absent = _match(videos, rows)
    return Listing(entries, rejections + others, absent)


def _visible_files(root: Path) -> list[Path]:
    """Lists all files, sorted; links to folders are followed, each folder once."""
    found, seen = [], set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        visible = [] if real in seen else [name for name in folders if not name.startswith(".")]
        folders[:] = sorted(visible)
        if real not in seen:
            found += [Path(folder, name) for name in names if not name.startswith(".")]
        seen.add(real)
    return sorted(path for path in found if path.is_file())


def _named_in_utf_8(files: Sequence[Path]) -> tuple[list[Path], list[Rejection]]:
    """Parts off the files whose names no manifest can hold."""
    named, rejections = [], []
    for path in files:
        try:
            str(path).encode()
            named.append(path)
        except UnicodeEncodeError:
            shown = str(path).encode(errors="backslashreplace").decode()
            rejections.append(Rejection(shown, "its name is not UTF-8"))
    return named, rejections


def _plain(path: Path, root: Path) -> Entry:
    name = path.relative_to(root).as_posix()
    return Entry(path=str(path), id=name, source="", label="", split="")


def _read_all(paths: Iterable[Path]) -> dict[tuple[str, int, int], dict]:
    rows = {}
    for path in paths:
        rows.update(_read(Path(path)))
    return rows


def _discover(root: Path, files: Sequence[Path]) -> dict[tuple[str, int, int], dict]:
    """Reads the annotations in the folder, else those above it that name one of its files."""
    rows = _read_all(path for path in sorted(root.glob("*.csv")) if _is_annotation(path))
    if rows:
        return rows
    rows = _read_all(path for path in sorted(root.parent.glob("*.csv")) if _is_annotation(path))
    return rows if any(_key(path) in rows for path in files) else {}


def _is_annotation(path: Path) -> bool:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            return "youtube_id" in next(csv.reader(file), [])
    except (OSError, csv.Error):  # another's file, whatever is wrong with it
        return False


def _read(path: Path) -> dict[tuple[str, int, int], dict]:
    """Reads a CSV into its rows by (youtube id, start, end)."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise UserError(
                    f"{path}: annotations need the columns {', '.join(COLUMNS)}; missing "
                    f"{', '.join(missing)}"
                )
            return {_row_key(path, reader.line_num, row): row for row in reader}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: annotations must be a readable CSV: {error}") from error


def _row_key(path: Path, line: int, row: dict) -> tuple[str, int, int]:
    try:
        start, end = float(row["time_start"]), float(row["time_end"])
        return row["youtube_id"], int(start), int(end)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path}: line {line}: time_start and time_end must be numbers, received "
            f"{row['time_start']!r} and {row['time_end']!r}"
        ) from error


def _key(path: Path) -> tuple[str, int, int] | None:
    """Reads (youtube id, start, end) out of a file's name; an id may hold underscores itself."""
    parts = path.stem.rsplit("_", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
        return parts[0], int(parts[1]), int(parts[2])
    return None


def _match(
    files: Sequence[Path], rows: dict[tuple[str, int, int], dict]
) -> tuple[list[Entry], list[Rejection], int]:
    """Parts files into entries and rejections, and counts the rows without a file."""
    entries, rejections, seen = [], [], set()
    for path in files:
        key = _key(path)
        row = rows.get(key)
        if row is None:
            rejections.append(Rejection(str(path), "not in the annotations"))
            continue
        seen.add(key)
        split = (row["split"] or "").strip().lower()
        if split == "test":
            rejections.append(Rejection(str(path), "the test split is held out"))
            continue
        entries.append(
            Entry(
                path=str(path),
                id=path.stem,
                source=key[0],
                label=row["label"] or "",
                split=_SPLIT_NAMES.get(split, ""),
            )
        )
    return entries, rejections, len(rows.keys() - seen)
