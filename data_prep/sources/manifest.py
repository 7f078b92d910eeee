"""The manifest: a CSV of all usable videos, one per line, with size, digest and shape."""

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import Any

from pydantic import TypeAdapter

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media.decoding import MediaError
from data_prep.media.probe import probe
from data_prep.sources.kinetics import Entry, Listing, Rejection
from data_prep.splits import SPLITS

MANIFEST = "manifest.csv"
"""Name of a manifest in a data set or a span."""
REJECTED = "rejected.csv"
"""Name of the list of rejected files, beside a manifest or in a data set."""

_LARGEST_BATCH = 256  # files that one step of the Beam pipeline examines
_BATCHES = 64  # fewer files per step if that makes this many steps


@dataclass(frozen=True)
class Video:
    """A video that can be decoded; one line of the manifest.

    Attributes:
        path: its URI.
        id: its name.
        source: what it was cut from; splits and pairs are by source.
        label: its class, or "".
        split: "train" or "eval"; "" if annotations do not say.
        bytes: size of the file.
        sha256: digest of the file, hexadecimal.
        duration: seconds of video.
        width: pixels as shown.
        height: pixels as shown.
        fps: frames per second.
        video_stream: index of the video stream that is decoded.
        audio_stream: index of the audio stream that is decoded; None if there is none.
        loudness: RMS of the whole audio in dBFS; None without an audio stream.
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
    video_stream: int
    audio_stream: int | None
    loudness: float | None

    def is_audible(self, min_loudness: float) -> bool:
        """Say whether the video counts as having audio, given the least loudness in dBFS."""
        return self.loudness is not None and self.loudness >= min_loudness


COLUMNS = tuple(field.name for field in fields(Video))
_NUMBERS: dict[str, type] = {
    "bytes": int,
    "duration": float,
    "width": int,
    "height": int,
    "fps": float,
    "video_stream": int,
    "audio_stream": int,
    "loudness": float,
}
_OPTIONAL = ("audio_stream", "loudness")  # empty without audio
_EXAMINED = TypeAdapter(list[Video | Rejection])


def examine(entry: Entry) -> Video | Rejection:
    """Open a video and return its size, digest and shape, or the reason why it cannot be used."""
    try:
        with storage.local_copy(entry.path) as path:
            size = path.stat().st_size
            if size == 0:
                return Rejection(entry.path, "empty file")
            info = probe(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
    except MediaError as error:
        return Rejection(entry.path, error.reason)
    except StorageError as error:
        return Rejection(entry.path, f"cannot be read: {error.reason}")
    except OSError as error:
        return Rejection(entry.path, f"cannot be read: {error.strerror or error}")
    # The videos of a plain folder are their own sources, whatever their names.
    identity = asdict(entry) | {"source": entry.source or digest[:16]}
    return Video(**identity, **asdict(info), bytes=size, sha256=digest)


def build(
    listing: Listing, beam_args: Sequence[str] = (), *, workers: int = 1
) -> tuple[list[Video], list[Rejection]]:
    """Open all videos of a listing, in a Beam pipeline.

    Args:
        listing: the result of `kinetics.find_videos`.
        beam_args: Beam's options.
        workers: processes on this machine.

    Returns:
        Usable videos and rejected files, each sorted by path. Only the first of several files
        with the same content is used, so that no video is in both splits under two names.

    Raises:
        UserError: Beam's workers do not share this machine's folder of temporary files.
    """
    import apache_beam as beam

    from data_prep.beam_options import pipeline_options

    options = pipeline_options(beam_args, workers=workers)
    entries = listing.entries
    size = max(1, min(_LARGEST_BATCH, len(entries) // _BATCHES))
    batches = [(start, entries[start : start + size]) for start in range(0, len(entries), size)]
    with tempfile.TemporaryDirectory(prefix="manifest-") as folder:
        with beam.Pipeline(options=options) as pipeline:
            _ = (
                pipeline
                | "Batches" >> beam.Create(batches)
                | "Spread" >> beam.Reshuffle()
                | "Examine" >> beam.Map(_examine_batch, folder=folder)
            )
        texts = [storage.read_bytes(file) for file in storage.list_files(folder)]
    results = [result for text in texts for result in _EXAMINED.validate_json(text)]
    if len(results) != len(entries):
        raise UserError(
            f"{folder}: all of Beam's workers must write to this folder, got the results of "
            f"{len(results)} of {len(entries)} files; set TMPDIR to a folder that they mount"
        )
    videos, rejections = _without_copies(sorted(results, key=lambda result: result.path))
    return videos, sorted([*listing.rejections, *rejections], key=lambda item: item.path)


def moved(videos: Sequence[Video], root: str, prefix: str) -> list[Video]:
    """Replace the folder that holds the videos by a prefix: "gs://..." or another folder."""
    root = storage.absolute(root)
    return [
        replace(video, path=storage.join(prefix.rstrip("/"), video.path.removeprefix(root)))
        for video in videos
    ]


def write(uri: str, videos: Sequence[Video]) -> None:
    """Write a manifest, atomically."""
    _write_csv(uri, COLUMNS, map(astuple, videos))


def read(uri: str) -> list[Video]:
    """Read a manifest.

    Raises:
        UserError: the file is missing, lacks a column or has a value of the wrong type.
    """
    try:
        rows = _read_csv(uri, COLUMNS)
    except (StorageError, csv.Error) as error:
        raise UserError(f"{uri}: a manifest must be a readable CSV: {_reason(error)}") from error
    return [_video(row, f"{uri}: line {line}") for line, row in rows]


def write_rejected(uri: str, rejections: Iterable[Rejection]) -> None:
    """Write the rejected files as a CSV of path and reason, atomically."""
    _write_csv(uri, ("path", "reason"), map(astuple, rejections))


def read_rejected(uri: str) -> list[Rejection]:
    """Read what `write_rejected` wrote; nothing if the file is missing.

    Raises:
        UserError: the file is not such a CSV.
    """
    try:
        return [Rejection(r["path"], r["reason"]) for _, r in _read_csv(uri, ("path", "reason"))]
    except StorageMissingError:
        return []
    except (StorageError, csv.Error) as error:
        raise UserError(
            f"{uri}: must be a CSV with the columns path and reason: {_reason(error)}"
        ) from error


def _examine_batch(batch: tuple[int, list[Entry]], folder: str) -> None:
    number, entries = batch
    results = [examine(entry) for entry in entries]
    storage.write_bytes(storage.join(folder, f"{number:09d}.json"), _EXAMINED.dump_json(results))


def _without_copies(
    results: Sequence[Video | Rejection],
) -> tuple[list[Video], list[Rejection]]:
    videos: list[Video] = []
    rejections: list[Rejection] = []
    first: dict[str, str] = {}
    for result in results:
        if isinstance(result, Rejection):
            rejections.append(result)
        elif result.sha256 in first:
            rejections.append(Rejection(result.path, f"same file as {first[result.sha256]}"))
        else:
            first[result.sha256] = result.path
            videos.append(result)
    return videos, rejections


def _write_csv(uri: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    storage.write_text(uri, text.getvalue())


def _read_csv(uri: str, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV that must have these columns, each with its line number."""
    reader = csv.DictReader(io.StringIO(storage.read_text(uri), newline=""))
    missing = [column for column in columns if column not in (reader.fieldnames or [])]
    if missing:
        raise UserError(
            f"{uri}: must have the columns {', '.join(columns)}; missing: {', '.join(missing)}"
        )
    return [(reader.line_num, row) for row in reader]


def _video(row: dict[str, str], where: str) -> Video:
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    for name, kind in _NUMBERS.items():
        if name in _OPTIONAL and not row[name]:
            values[name] = None
            continue
        try:
            values[name] = kind(row[name])
        except (TypeError, ValueError) as error:
            message = f"{where}: {name} must be {kind.__name__}, got {row[name]!r}"
            raise UserError(message) from error
    if values["split"] not in ("", *SPLITS):
        raise UserError(
            f"{where}: split must be {', '.join(SPLITS)} or empty, got {values['split']!r}"
        )
    return Video(**values)


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, StorageError) else str(error)
