"""Examination of videos: each is opened once, for its manifest, in a Beam pipeline."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media.decoding import MediaError
from data_prep.media.probe import probe
from data_prep.sources.kinetics import Entry, Listing, Rejection, first_reasons, printable
from data_prep.sources.manifest import Video
from data_prep.splits import EVAL
from data_prep.storage.stores import storage_errors

_LARGEST_BATCH = 256  # files that one step of the Beam pipeline examines
_BATCHES = 64  # fewer files per step if that makes this many steps
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


def examine_all(
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
