"""The manifest: a CSV of all usable videos, one line a video, by size, digest and shape."""

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.media.reading import MediaError, probe
from data_prep.sources.kinetics import SPLITS, Entry, Listing, Rejection
from data_prep.storage import local_copy, write_text


@dataclass(frozen=True)
class Video:
    """A video that can be decoded; a line of the manifest.

    Attributes:
        path: where it lies.
        id: its name.
        source: what it was cut from; splits and pairs are by source.
        label: its class, or "".
        split: "train" or "eval"; "" where annotations do not say.
        bytes: size of the file.
        sha256: digest of the file, hexadecimal.
        duration: seconds of picture.
        width: pixels as shown.
        height: pixels as shown.
        fps: pictures a second.
        has_sound: whether it has a sound track.
    """

    path: str
    id: str
    source: str
    label: str
    split: str
    bytes: int
    sha256: str
    duration: float
    width: int
    height: int
    fps: float
    has_sound: bool


COLUMNS = tuple(field.name for field in fields(Video))


def examine(entry: Entry) -> Video | Rejection:
    """Opens a video: its size, digest and shape, or why it cannot be used."""
    try:
        with local_copy(entry.path) as path:
            size = path.stat().st_size
            if size == 0:
                return Rejection(entry.path, "empty file")
            info = probe(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
    except MediaError as error:
        return Rejection(entry.path, error.reason)
    except OSError as error:
        return Rejection(entry.path, f"cannot be read: {error.strerror or error}")
    # A plain folder's videos are their own sources, whatever their names.
    identity = asdict(entry) | {"source": entry.source or digest[:16]}
    return Video(**identity, **asdict(info), bytes=size, sha256=digest)


def build(
    listing: Listing, beam_args: Sequence[str] = (), *, workers: int = 1
) -> tuple[list[Video], list[Rejection]]:
    """Opens all videos of a listing, in a Beam pipeline.

    Args:
        listing: what `kinetics.find_videos` found.
        beam_args: Beam's options.
        workers: processes on this machine.

    Returns:
        Usable videos and files that are not used, each sorted by path. Of files with the same
        content only the first is used, so that no video stands in both splits under two names.

    Raises:
        UserError: Beam's workers do not share this machine's folder of temporary files.
    """
    import apache_beam as beam

    from data_prep.beam_options import pipeline_options

    options = pipeline_options(beam_args, workers=workers)
    with tempfile.TemporaryDirectory(prefix="manifest-") as folder:
        with beam.Pipeline(options=options) as pipeline:
            _ = (
                pipeline
                | "Entries" >> beam.Create(listing.entries)
                | "Spread" >> beam.Reshuffle()
                | "Examine" >> beam.Map(examine)
                | "ToJson" >> beam.Map(_to_json).with_output_types(str)
                | "Write" >> beam.io.WriteToText(f"{folder}/lines")
            )
        texts = [file.read_text(encoding="utf-8") for file in Path(folder).iterdir()]
    lines = [line for text in texts for line in text.splitlines()]
    if len(lines) != len(listing.entries):
        raise UserError(
            f"{folder}: all of Beam's workers must write to this folder: received the results of "
            f"{len(lines)} of {len(listing.entries)} files; set TMPDIR to a folder that they mount"
        )
    results = sorted((_from_json(line) for line in lines), key=lambda result: result.path)
    videos, rejections = _without_copies(results)
    return videos, sorted([*listing.rejections, *rejections], key=lambda item: item.path)


def moved(videos: Sequence[Video], root: Path, prefix: str) -> list[Video]:
    """Puts a prefix, "gs://..." or a folder, in the place of the folder that videos lie under."""
    root = root.resolve()
    return [
        replace(video, path=f"{prefix.rstrip('/')}/{Path(video.path).relative_to(root).as_posix()}")
        for video in videos
    ]


def _to_json(result: Video | Rejection) -> str:
    return json.dumps(asdict(result))


def _from_json(line: str) -> Video | Rejection:
    values = json.loads(line)
    return Rejection(**values) if "reason" in values else Video(**values)


def _without_copies(
    results: Sequence[Video | Rejection],
) -> tuple[list[Video], list[Rejection]]:
    videos, rejections, first = [], [], {}
    for result in results:
        if isinstance(result, Rejection):
            rejections.append(result)
        elif result.sha256 in first:
            reason = f"the same file as {first[result.sha256]}"
            rejections.append(Rejection(result.path, reason))
        else:
            first[result.sha256] = result.path
            videos.append(result)
    return videos, rejections


def write(path: Path, videos: Sequence[Video]) -> None:
    """Writes a manifest, whole or not at all."""
    rows = ((*astuple(video)[:-1], int(video.has_sound)) for video in videos)
    write_text(path, _csv_text(COLUMNS, rows))


def write_rejected(path: Path, rejections: Sequence[Rejection]) -> None:
    """Writes the files that are not used as a CSV of path and reason, whole or not at all."""
    write_text(path, rejected_text(rejections))


def rejected_text(rejections: Sequence[Rejection]) -> str:
    """Gives the text of `rejected.csv`."""
    return _csv_text(("path", "reason"), map(astuple, rejections))


def read_rejected(path: str | Path) -> list[Rejection]:
    """Reads what `write_rejected` wrote, here or remotely; nothing if the file is missing.

    Raises:
        UserError: the file is something else.
    """
    try:
        with local_copy(str(path)) as local, local.open(newline="", encoding="utf-8") as file:
            return [Rejection(row["path"], row["reason"]) for row in csv.DictReader(file)]
    except OSError:
        return []
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{path}: must be a CSV with the columns path and reason: {error}"
        ) from error


def _csv_text(header: Sequence[str], rows) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def read(path: str | Path) -> list[Video]:
    """Reads a manifest, from here or a remote store.

    Raises:
        UserError: the file is missing, lacks a column or has a value of a wrong type.
    """
    try:
        with local_copy(str(path)) as local, local.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise UserError(f"{path}: a manifest lacks the columns {', '.join(missing)}")
            return [_read_row(row, f"{path}: line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: a manifest must be a readable CSV: {error}") from error


def _read_row(row: dict, where: str) -> Video:
    kinds = {"bytes": int, "duration": float, "width": int, "height": int, "fps": float}
    values = {name: row[name] for name in COLUMNS}
    for name, kind in (*kinds.items(), ("has_sound", int)):
        try:
            values[name] = kind(row[name])
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{where}: {name} must be {kind.__name__}, received {row[name]!r}"
            ) from error
    if values["split"] not in ("", *SPLITS):
        raise UserError(
            f"{where}: split must be {', '.join(SPLITS)} or empty, received {values['split']!r}"
        )
    return Video(**values | {"has_sound": bool(values["has_sound"])})


def assign_splits(videos: Sequence[Video], config: DataConfig) -> list[Video]:
    """Decides every video's split, by source.

    Where annotations name both splits they are followed; a source that stands in both goes to
    eval whole. Else, and for sources without one, a digest of seed and source decides, so that
    further videos move none; only to give either split two sources are the fewest possible moved.

    Args:
        videos: usable videos.
        config: its `seed` and `eval_fraction`.

    Returns:
        The same videos, each with split "train" or "eval".
    """
    annotated = {}
    for video in videos:
        if video.split and annotated.get(video.source) != "eval":
            annotated[video.source] = video.split
    if set(annotated.values()) != set(SPLITS):
        annotated = {}
    free = {video.source for video in videos} - annotated.keys()
    splits = annotated | _hashed_splits(free, config, least=0 if annotated else 2)
    return [replace(video, split=splits[video.source]) for video in videos]


def _hashed_splits(sources: set[str], config: DataConfig, least: int) -> dict[str, str]:
    """Splits sources by digest, with at least `least` in each split if there are enough."""

    def rank(source: str) -> float:
        digest = hashlib.sha256(f"{config.seed}:{source}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    ranked = sorted(sources, key=lambda source: (rank(source), source))
    count = sum(rank(source) < config.eval_fraction for source in ranked)
    count = max(min(count, len(ranked) - least), min(least, len(ranked)))
    return {source: "eval" if i < count else "train" for i, source in enumerate(ranked)}
