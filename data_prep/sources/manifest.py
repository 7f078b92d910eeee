"""The manifest: a CSV of all usable videos, one per line, with size, digest and shape."""

import hashlib
import json
import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media.decoding import MediaError
from data_prep.media.pcm import SILENCE
from data_prep.media.probe import probe
from data_prep.settings import shown
from data_prep.sources.csv_files import MissingColumnsError, read_csv, write_csv
from data_prep.sources.kinetics import Entry, Listing, Rejection, first_reasons, printable
from data_prep.splits import EVAL, SPLITS
from data_prep.storage.outputs import require_file_output
from data_prep.storage.stores import storage_errors

MANIFEST = "manifest.csv"
"""Name of a manifest in a data set or a span."""
REJECTED = "rejected.csv"
"""Name of the list of rejected files in a data set, or beside a manifest of the usual name."""

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
        audio_stream: index of the audio stream that is decoded; None if there is none, or if
            annotations say that it is dubbed.
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
_GONE = "is gone since the folder was listed; is a disk not mounted?"
_FAILURE = "failure.json"  # among the results of the batches
_EXAMINED = TypeAdapter(list[Video | Rejection])


def examine(entry: Entry, *, decode: bool = True) -> Video | Rejection:
    """Open a video and return its size, digest and shape, or the reason why it cannot be used.

    Args:
        entry: the video.
        decode: whether to decode all of it, see `probe`.

    Raises:
        StorageError: the storage failed several times in a way that may pass, such as a timeout,
            or the file is gone although it was listed, such as with a mount. That is no property
            of the file: without it, the data set would be another one.
    """
    try:
        return _examined(entry, decode)
    except MediaError as error:
        return Rejection(entry.path, error.reason)
    except StorageMissingError as error:
        raise StorageError(entry.path, _GONE) from error
    except StorageError as error:
        if _is_of_the_file(error, entry.path):
            return Rejection(entry.path, f"cannot be read: {error.reason}")
        raise StorageError(entry.path, error.reason) from error


def _is_of_the_file(error: StorageError, path: str) -> bool:
    if storage.is_lasting(error):
        storage.require_present(path)
        return True
    return False


@storage.retrying
def _examined(entry: Entry, decode: bool) -> Video | Rejection:
    if problem := storage.why_not_a_file(entry.path):
        storage.require_present(entry.path)
        return Rejection(entry.path, problem)
    with storage.local_copy(entry.path) as path:
        size = storage.size(str(path))
        if size == 0:
            return Rejection(entry.path, "empty file")
        info = probe(path, decode=decode)
        digest = _digest(path)
    facts = asdict(entry) | asdict(info)
    if facts.pop("dubbed"):
        facts |= {"audio_stream": None, "loudness": None}
    # The videos of a plain folder are their own sources, whatever their names.
    facts["source"] = entry.source or digest[:16]
    return Video(**facts, bytes=size, sha256=digest)


def _digest(path: Path) -> str:
    with storage_errors(str(path)), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(
    listing: Listing, beam_args: Sequence[str] = (), *, workers: int = 1, decode: bool = True
) -> tuple[list[Video], list[Rejection]]:
    """Open all videos of a listing, in a Beam pipeline.

    Args:
        listing: the result of `kinetics.find_videos`.
        beam_args: Beam's options.
        workers: processes on this machine.
        decode: whether to decode every video completely, so that none is used of which a part is
            broken. It takes most of the time.

    Returns:
        Usable videos and rejected files, each sorted by path. Of several files with the same
        content, one is used, so that no video is in both splits under two names: the first that is
        held out for eval, or the first.

    Raises:
        UserError: no video of an annotated split can be used, or Beam's workers do not share
            this machine's folder of temporary files.
        StorageError: the storage failed.
    """
    import apache_beam as beam

    from data_prep.beam_options import pipeline_options
    from data_prep.beam_run import running

    options = pipeline_options(beam_args, workers=workers)
    entries = listing.entries
    size = max(1, min(_LARGEST_BATCH, len(entries) // _BATCHES))
    batches = [(start, entries[start : start + size]) for start in range(0, len(entries), size)]
    with tempfile.TemporaryDirectory(prefix="manifest-") as folder:
        pipeline = beam.Pipeline(options=options)
        with running(pipeline):
            _ = (
                pipeline
                | "Batches" >> beam.Create(batches)
                | "Spread" >> beam.Reshuffle()
                | "Examine" >> beam.Map(_examine_batch, folder=folder, decode=decode)
            )
        results = _read_results(folder)
    if len(results) != len(entries):
        raise UserError(
            f"{folder}: all of Beam's workers must write to this folder, got the results of "
            f"{len(results)} of {len(entries)} files; set TMPDIR to a folder that they mount"
        )
    videos, rejections = _without_copies(results)
    _require_splits(listing, videos, rejections)
    rejections += listing.rejections
    return sorted(videos, key=_path), sorted(rejections, key=_path)


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
    write_csv(uri, COLUMNS, map(astuple, videos))


def read(uri: str) -> list[Video]:
    """Read a manifest.

    Raises:
        UserError: the file is missing, lacks a column or has a value of the wrong type.
    """
    try:
        lines = read_csv(uri, "a manifest", COLUMNS)
    except MissingColumnsError as error:
        hint = "run `python -m data_prep index` again if it is of an older version"
        raise UserError(f"{error}; {hint}") from error
    return [_video(values, f"{uri}: line {line}") for line, values in lines]


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


def _examine_batch(batch: tuple[int, list[Entry]], folder: str, decode: bool) -> None:
    """Write the results of a batch, or the error that ends the work on all of them.

    Beam would change the error's text, and print a traceback.
    """
    number, entries = batch
    failure = storage.join(folder, _FAILURE)
    if storage.exists(failure):
        return
    try:
        results = [examine(entry, decode=decode) for entry in entries]
    except StorageError as error:
        storage.write_text(failure, json.dumps([error.uri, error.reason]))
        return
    storage.write_bytes(storage.join(folder, f"{number:09d}.json"), _EXAMINED.dump_json(results))


def _read_results(folder: str) -> list[Video | Rejection]:
    failure = storage.join(folder, _FAILURE)
    if storage.exists(failure):
        raise StorageError(*json.loads(storage.read_text(failure)))
    texts = [storage.read_bytes(file) for file in storage.list_files(folder)]
    return [result for text in texts for result in _EXAMINED.validate_json(text)]


def _require_splits(
    listing: Listing, videos: Sequence[Video], rejections: Sequence[Rejection]
) -> None:
    """Check that an annotated split has not lost all its videos since they were listed."""
    left = {video.split for video in videos}
    for split, files in listing.annotated.items():
        if split not in left:
            raise UserError(
                f"{files}: must name a video of the {split} split that can be used, got none"
                + first_reasons([*rejections, *listing.rejections])
            )


def _without_copies(
    results: Sequence[Video | Rejection],
) -> tuple[list[Video], list[Rejection]]:
    videos = [result for result in results if isinstance(result, Video)]
    rejections = [result for result in results if isinstance(result, Rejection)]
    used: dict[str, Video] = {}
    for video in sorted(videos, key=lambda video: (video.split != EVAL, video.path)):
        first = used.setdefault(video.sha256, video)
        if first is not video:
            rejections.append(Rejection(video.path, f"same file as {printable(first.path)}"))
    return list(used.values()), rejections


def _path(item: Video | Rejection) -> str:
    return item.path


def _video(values: dict[str, str], where: str) -> Video:
    row: dict[str, Any] = {name: values[name] for name in COLUMNS}
    for name in _NUMBERS:
        row[name] = _number(name, values[name], where)
    if row["split"] not in ("", *SPLITS):
        raise UserError(
            f"{where}: split must be {', '.join(SPLITS)} or empty, got {shown(row['split'])}"
        )
    return Video(**row)


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
