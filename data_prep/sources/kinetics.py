"""The videos of a folder: Kinetics' layout with its annotations, or any plain folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from data_prep import storage
from data_prep.errors import UserError
from data_prep.sources.annotations import (
    FOLDER,
    TEST,
    Annotation,
    Annotations,
    Key,
    split_of,
)
from data_prep.sources.clip_index import ClipIndex
from data_prep.sources.clip_names import (
    EXTENSIONS,
    extension,
    is_of_words,
    likely_ids,
    stem,
    youtube_id,
)
from data_prep.sources.folder_annotations import annotations_of
from data_prep.splits import EVAL, SPLITS

_HELD_OUT = "the test split is held out"
_CUT_HELD_OUT = "another cut of this YouTube video is held out"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A file that is not used, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A video that was found, not opened yet.

    Attributes:
        path: its URI.
        id: the name of an annotated clip, usually `<youtube id>_<start>_<end>`, or the path
            within a plain folder.
        source: what it was cut from (the YouTube id); "" if the name does not say.
        label: its class; "" in a plain folder.
        split: "train" or "eval" if annotations say so, otherwise "".
        dubbed: whether annotations say that its audio was added to it; then it is not used.
    """

    path: str
    id: str
    source: str
    label: str
    split: str
    dubbed: bool = False


@dataclass(frozen=True)
class Listing:
    """Contents of a folder.

    Attributes:
        entries: its videos, sorted by path.
        rejections: everything else that it holds, except for annotations.
        absent: number of annotated videos that it does not hold.
        notes: what people should know about it, a line each.
        annotated: the CSVs that name the entries of each annotated split, by split.
        stamps: what changes with the content of each file, by path; see `storage.Found`.
    """

    entries: list[Entry]
    rejections: list[Rejection]
    absent: int = 0
    notes: list[str] = field(default_factory=list)
    annotated: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)


def first_reasons(rejections: Sequence[Rejection]) -> str:
    """Return why the first few files are not used, to be appended to an error message."""
    return "".join(
        f"; {printable(storage.name(item.path))}: {item.reason}" for item in rejections[:3]
    )


def printable(name: str) -> str:
    """Return a name as a line of text can show it, even one with a line feed in it."""
    return name if name.isprintable() else repr(name)


def find_videos(root: str, annotations: Sequence[str] = ()) -> Listing:
    """Find the videos in a folder. Nothing but annotations is opened.

    Kinetics' layout is files named `<youtube id>_<start>_<end>.<extension>`, or in another way
    that `clip_names` knows, in folders or not, and CSVs with the columns label, youtube_id,
    time_start, time_end, split. Unless `annotations` are given, such CSVs are looked for in the
    folder itself and in `annotations/` in it, then in the folder above and `annotations/` beside
    it; those above count only if they name a file of this folder.

    A folder without CSVs is a plain folder: every video in it is taken, without a label, as a
    separate source. Files whose names hold a YouTube id have it as source even then, if the name
    is as Kinetics' own or the id does not look like words. What is hidden is not used.

    Args:
        root: the folder. The splits that it must hold are those of its annotations; if they are
            outside it and it is named like a split, such as `train`, it is that split alone.
        annotations: Kinetics' CSVs; empty to look for them.

    Returns:
        Entries and rejected files, each sorted by path. A YouTube video with a cut that the
        annotations hold out, whether its file is there or not, has no other cut in train: those
        are in eval, or rejected if no file is annotated as eval.

    Raises:
        UserError: the folder is missing or holds no file named like a video, or an annotated
            split has no video in it; a CSV cannot be read or lacks a column.
    """
    if not storage.exists(root):
        raise UserError(f"videos folder not found: {root}")
    if not storage.is_dir(root):
        raise UserError(f"{root}: must be a folder of videos, got a file")
    root = storage.absolute(root)
    if _shown(root) != root:
        raise UserError(f"{_shown(root)}: videos folder must have a path in UTF-8")
    found = storage.survey(root)
    files, unreadable = _sorted_out(found)
    videos = [file for file in files if extension(file) in EXTENSIONS]
    if not videos:
        raise UserError(
            f"{root}: the folder must hold videos, got no video file{first_reasons(unreadable)}"
        )
    csvs, rows = annotations_of(root, videos, list(dict.fromkeys(annotations)))
    used = {storage.absolute(file) for file in csvs}
    others = [
        Rejection(file, _not_a_video(file))
        for file in files
        if extension(file) not in EXTENSIONS and not _is_one_of(file, used)
    ]
    if not used:
        listing = _plain(root, videos, rows.notes)
    else:
        is_within = all(file.startswith(f"{root}/") for file in used)
        split = "" if is_within else split_of(storage.name(root))
        listing = _match(root, videos, rows, split, unreadable)
    rejections = sorted([*listing.rejections, *unreadable, *others], key=lambda item: item.path)
    notes = [" ".join(note.split()) for note in listing.notes]
    stamps = {item.uri: item.stamp for item in found if item.stamp}
    return replace(listing, rejections=rejections, notes=notes, stamps=stamps)


def _sorted_out(found: Sequence[storage.Found]) -> tuple[list[str], list[Rejection]]:
    """Separate the readable files of a folder from what is to be rejected unseen."""
    files, rejections = [], []
    for item in found:
        shown = _shown(item.uri)
        if item.problem:
            rejections.append(Rejection(shown, item.problem))
        elif item.is_folder:
            if extension(item.uri) in EXTENSIONS:
                rejections.append(Rejection(shown, "is a folder; the videos in it are listed"))
        elif shown != item.uri:
            rejections.append(Rejection(shown, "its name is not UTF-8; rename it to use it"))
        else:
            files.append(item.uri)
    return files, rejections


def _shown(uri: str) -> str:
    r"""Return a path with `\xe9` for a byte that is not UTF-8, which no CSV or JSON can hold."""
    return uri.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _is_one_of(file: str, csvs: set[str]) -> bool:
    return extension(file) == ".csv" and storage.absolute(file) in csvs


def _not_a_video(file: str) -> str:
    suffix = PurePosixPath(file).suffix
    if suffix.lower() == ".csv":
        return "is not used as annotations; name it with --annotations if it is one"
    return f"{printable(suffix) or 'no extension'}: not a video file name"


def _match(
    root: str,
    files: Sequence[str],
    annotations: Annotations,
    split: str,
    unreadable: Sequence[Rejection],
) -> Listing:
    """Give files their annotations.

    Args:
        root: the folder, for error messages.
        files: its videos.
        annotations: the rows.
        split: the only split whose videos the folder must hold; "" for all.
        unreadable: what may be the reason why it holds none.
    """
    index, rows = ClipIndex(annotations.rows), annotations.rows
    entries, rejections = list[Entry](), list[Rejection]()
    seen, unmatched = set[Key](), set[str]()
    for file in files:
        key = index.find(file)
        if isinstance(key, str):
            rejections.append(Rejection(file, key))
            unmatched |= index.videos(file)
        elif rows[key].split == TEST:
            rejections.append(Rejection(file, _HELD_OUT))
        else:
            seen.add(key)
            row = rows[key]
            entries.append(Entry(file, stem(file), key[0], row.label, row.split, row.dubbed))
    needed = {k: r for k, r in rows.items() if r.split != TEST and split in ("", r.split)}
    annotated = _annotated_splits(root, needed, seen, unreadable)
    unknown = [item for item in rejections if item.reason != _HELD_OUT]
    entries, cuts, notes = _held_out(entries, rows)
    if entries and all(entry.split == EVAL for entry in entries):
        notes.append(f"{root}: all annotated videos are held out for eval; none is left for train")
    if dubbed := sum(entry.dubbed for entry in entries):
        notes.append(
            f"{root}: videos with dubbed audio, which is not used: {dubbed} of {len(entries)}"
        )
    if unknown:
        notes.append(
            f"{root}: video files without annotations: {len(unknown)} of {len(files)}; not used"
            + first_reasons(unknown[:1])
        )
    return Listing(
        entries,
        rejections + cuts,
        # A clip whose file has a wrong name is a rejected file already.
        absent=sum(key not in seen and key[0] not in unmatched for key in needed),
        notes=annotations.notes + notes,
        annotated=annotated,
    )


def _annotated_splits(
    root: str, rows: Mapping[Key, Annotation], seen: set[Key], unreadable: Sequence[Rejection]
) -> dict[str, str]:
    """Return the CSVs that name each split; a split without any file is an error.

    Its files are probably on a disk that is not there now. Without them, the other split's videos
    would be divided by chance, and training would see other videos than before.
    """
    annotated = {}
    for split in SPLITS:
        named = [key for key, row in rows.items() if row.split == split]
        files = ", ".join(sorted({rows[key].file for key in named}))
        if named and seen.isdisjoint(named):
            raise UserError(
                f"{root}: must hold some of the {len(named)} {split} videos that {files} names, "
                f"got none; is a disk not mounted? To do without this split, leave out its "
                f"CSV (--annotations) or its rows{first_reasons(unreadable)}"
            )
        if named:
            annotated[split] = files
    return annotated


def _held_out(
    entries: Sequence[Entry], rows: Mapping[Key, Annotation]
) -> tuple[list[Entry], list[Rejection], list[str]]:
    """Keep the other cuts of YouTube videos that are held out from being trained on.

    They are in eval if it has a file. Otherwise chance will choose eval from the entries, and
    would put some of them into train, so they are rejected.
    """
    sources = {key[0] for key, row in rows.items() if row.split in (EVAL, TEST)}
    cuts = {entry for entry in entries if entry.source in sources and entry.split != EVAL}
    if not cuts:
        return list(entries), [], []
    has_eval = any(entry.split == EVAL for entry in entries)
    note = (
        f"annotations: clips of YouTube videos with another cut that is held out: {len(cuts)}, "
        f"such as {min(entry.id for entry in cuts)}; "
        + ("they are held out for eval" if has_eval else "not used")
    )
    if has_eval:
        return [replace(e, split=EVAL) if e in cuts else e for e in entries], [], [note]
    rejections = [Rejection(entry.path, _CUT_HELD_OUT) for entry in cuts]
    return [entry for entry in entries if entry not in cuts], rejections, [note]


def _plain(root: str, files: Sequence[str], notes: Sequence[str]) -> Listing:
    """List a folder without annotations; the source is the YouTube id, if a name has one."""
    clips = {file: source for file in files if (source := youtube_id(file))}
    sources = clips | _probable_sources([f for f in files if f not in clips], set(clips.values()))
    entries = []
    for file in files:
        name = file.removeprefix(root).lstrip("/")
        entries.append(Entry(file, id=name, source=sources.get(file, ""), label="", split=""))
    if clips:
        notes = [*notes, _without_annotations(root, sorted(clips))]
    return Listing(entries, [], notes=list(notes))


def _probable_sources(files: Sequence[str], known: set[str]) -> dict[str, str]:
    """Find YouTube ids in other names than Kinetics' own.

    Words may have 11 characters too, such as in `photography_01.mp4`. Taken for an id, they would
    make one source of a whole folder, so they count only if a clip of Kinetics is named so. Two
    videos that share an id by chance do no harm: they are in the same split.
    """
    found = {}
    for file in files:
        for video in likely_ids(file):
            if video in known or not is_of_words(video):
                found[file] = video
                break
    return found


def _without_annotations(root: str, clips: Sequence[str]) -> str:
    return (
        f"{root}: {len(clips)} files are named like clips of Kinetics, such as "
        f"{storage.name(clips[0])}, but no CSV annotates them: they have no class, and chance "
        f"decides their split. Put Kinetics' CSVs into {root} or {storage.join(root, FOLDER)}, or "
        "name them with --annotations (a compiled pipeline: with cloud.annotations)"
    )
