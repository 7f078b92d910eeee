"""Kinetics' annotations: CSVs with the columns label, youtube_id, time_start, time_end, split.

One more column is ours, and optional: `audio` is `natural`, `dubbed` or empty. Dubbed audio was
added to the video, such as music or a voice-over, and says nothing about what it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.settings import shown
from data_prep.sources.clip_names import extension
from data_prep.sources.csv_files import read_csv
from data_prep.splits import EVAL, TRAIN

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
TEST = "test"
"""Kinetics' third split, which is held out from everything."""

FOLDER = "annotations"
"""The folder beside the splits into which CVDF's downloader puts the CSVs."""

_REQUIRED = COLUMNS[1:]  # the first lists of Kinetics' test split have no labels
_SPLIT_NAMES = {"train": TRAIN, "val": EVAL, "validate": EVAL, "validation": EVAL, "test": TEST}
_DUBBED = {"": False, "natural": False, "dubbed": True}
_RANKS = ("", TRAIN, EVAL, TEST)  # of two rows for a clip, the one held out further counts
_HEAD = 2**16  # bytes of a CSV that hold its first line
_LATEST = 10**7  # seconds; YouTube's longest videos have a tenth of it

Key = tuple[str, int, int]
"""Kinetics' name of a clip: YouTube id, start and end in seconds."""


@dataclass(frozen=True)
class Annotation:
    """What a row of the annotations says about a clip.

    Attributes:
        label: its class, or "".
        split: "train", "eval", "test" or "".
        dubbed: whether its audio was added to it, such as music.
        file: the CSV.
        line: number of the line.
    """

    label: str
    split: str
    dubbed: bool
    file: str
    line: int


@dataclass
class Annotations:
    """The rows of some CSVs by clip, and what people should know about them."""

    rows: dict[Key, Annotation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def split_of(name: str) -> str:
    """Return the split that Kinetics' name of it means: "train", "eval", "test"; "" if none."""
    return _SPLIT_NAMES.get(name.strip().lower(), "")


def find_annotations(folder: str) -> tuple[list[str], list[str]]:
    """Find Kinetics' CSVs in a folder and in its folder `annotations`.

    Returns:
        The CSVs whose first line names a YouTube id and a time, and notes about others that
        cannot be read.

    Raises:
        StorageError: a folder cannot be listed, or the storage fails.
    """
    found, notes = [], []
    for place in (folder, storage.join(folder, FOLDER)):
        for file in storage.list_files(place, recursive=False, hidden=False):
            try:
                if extension(file) == ".csv" and _names_clips(
                    storage.read_bytes(file, limit=_HEAD)
                ):
                    found.append(file)
            except StorageError as error:
                if not storage.is_lasting(error):
                    raise
                notes.append(f"{file}: cannot be read as annotations: {error.reason}")
    return found, notes


def read_annotations(files: Sequence[str]) -> Annotations:
    """Read some CSVs. Of several rows for a clip, one counts, and the others are noted.

    Raises:
        UserError: a CSV cannot be read, lacks a column, has a wrong number, or none has a row.
    """
    found, repeated = Annotations(), list[str]()
    splits, audios = list[str](), list[str]()
    for file in files:
        lines = list(read_csv(file, "annotations", _REQUIRED))
        if not lines:
            found.notes.append(f"{file}: annotations without a row")
        elif "label" not in lines[0][1] and any(_split(v) != TEST for _, v in lines):
            found.notes.append(f"{file}: annotations without the column label; no class is read")
        for line, values in lines:
            key, row = _parsed(file, line, values)
            if values["split"].strip() and not row.split:
                splits.append(f"{shown(values['split'])} in {_place(row)}")
            if _audio(values) not in _DUBBED:
                audios.append(f"{shown(values['audio'])} in {_place(row)}")
            if other := found.rows.get(key):
                repeated.append(f"{_clip(key)} in {_place(other)} and {_place(row)}")
            if not other or _RANKS.index(row.split) > _RANKS.index(other.split):
                found.rows[key] = row
    if not found.rows:
        raise UserError(f"{', '.join(files)}: annotations must have at least one row, got none")
    if repeated:
        found.notes.append(
            f"annotations: rows that repeat a clip: {len(repeated)}, such as {repeated[0]}; the "
            "first row counts, and validation before training"
        )
    if splits:
        found.notes.append(
            f"annotations: rows with a split other than train, validate and test: {len(splits)}, "
            f"such as {splits[0]}; they count as rows without a split"
        )
    if audios:
        found.notes.append(
            f"annotations: rows with an audio other than natural and dubbed: {len(audios)}, "
            f"such as {audios[0]}; they count as natural"
        )
    return found


def _names_clips(head: bytes) -> bool:
    """Say whether the first line of a CSV, in whatever encoding, names Kinetics' columns."""
    first = head.replace(b"\0", b"").splitlines()[:1]
    return bool(first) and b"youtube_id" in first[0] and b"time_start" in first[0]


def _parsed(file: str, line: int, values: dict[str, str]) -> tuple[Key, Annotation]:
    try:
        start, end = float(values["time_start"]), float(values["time_end"])
    except ValueError:
        start = end = -1.0
    if not 0 <= start < end <= _LATEST:
        raise UserError(
            f"{file}: line {line}: time_start and time_end must be numbers of seconds, "
            f"0 <= start < end <= {_LATEST}, got {shown(values['time_start'])} and "
            f"{shown(values['time_end'])}"
        )
    dubbed = _DUBBED.get(_audio(values), False)
    row = Annotation(values.get("label", "").strip(), _split(values), dubbed, file, line)
    return (values["youtube_id"].strip(), int(start), int(end)), row


def _split(values: dict[str, str]) -> str:
    return split_of(values["split"])


def _audio(values: dict[str, str]) -> str:
    return values.get("audio", "").strip().lower()


def _clip(key: Key) -> str:
    return "_".join(map(str, key))


def _place(row: Annotation) -> str:
    return f"{row.file}, line {row.line}"
