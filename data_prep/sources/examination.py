"""Examination of videos: each is opened once, for its manifest, in a Beam pipeline.

What is known of a file that has not changed since it was examined is used again.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from data_prep.errors import StorageError, UserError
from data_prep.progress_bar import watching
from data_prep.sources.examination_folder import Batch, ExaminationFolder, examination_folder
from data_prep.sources.examine_file import examine_file
from data_prep.sources.examined_files import Examined
from data_prep.sources.kinetics import Entry, Listing, Rejection, first_reasons, printable
from data_prep.sources.known_files import KnownFiles, Report
from data_prep.sources.videos import Video
from data_prep.splits import EVAL


def examine(entry: Entry, *, decode: bool = True) -> Video | Rejection:
    """Open a video and return its size, digest and shape, or the reason why it cannot be used.

    Args:
        entry: the video.
        decode: whether to decode all of it, see `probe`.

    Raises:
        StorageError: the storage failed; see `examine_file`.
    """
    return _described(entry, examine_file(entry.path, decode=decode))


def examine_all(
    listing: Listing,
    beam_args: Sequence[str] = (),
    *,
    workers: int = 1,
    decode: bool = True,
    folder: str | None = None,
    kept: str | None = None,
    fresh: bool = False,
    report: Report | None = None,
) -> tuple[list[Video], list[Rejection]]:
    """Open all videos of a listing, in a Beam pipeline.

    Args:
        listing: the result of `kinetics.find_videos`.
        beam_args: Beam's options.
        workers: processes on this machine.
        decode: whether to decode every video completely, so that none is used of which a part is
            broken. It takes most of the time.
        folder: a folder for this alone, a URI that all workers can reach. It is removed at the
            end; what a killed run found out is still there for the next one. By default, a
            temporary folder of this machine.
        kept: a file in which what was found out is kept, so that another examination opens only
            files that have changed since; None for none.
        fresh: whether to open all files, whatever is known of them.
        report: called with a line for people about what is used again.

    Returns:
        Usable videos and rejected files, each sorted by path. Of several files with the same
        content, one is used, so that no video is in both splits under two names: the first that is
        held out for eval, or the first.

    Raises:
        UserError: no video of an annotated split can be used, Beam's workers do not reach the
            folder, or another process uses it.
        StorageError: the storage failed. What was found out until then is kept.
    """
    entries, report = listing.entries, report or _ignore
    with examination_folder(folder) as place:
        known = KnownFiles(kept, place, report, fresh=fresh)
        place.clear()
        files = [
            (entry.path, stamp)
            for entry in entries
            if not known.holds(entry.path, stamp := listing.stamps.get(entry.path, ""), decode)
        ]
        if len(files) < len(entries):
            line = "files that were examined before and have not changed since"
            report(f"{line}: {len(entries) - len(files)} of {len(entries)}")
        try:
            if files:
                _run(place, files, beam_args, workers=workers, decode=decode)
                place.require_no_failure()
                results = place.read_results()
                _require_all(files, results, folder)
                known.learn(results)
        except BaseException:
            with suppress(UserError):  # the first error counts
                known.learn(place.read_results())
                known.keep(known.found)
                place.clear()
            raise
        known.keep(entry.path for entry in entries)
        place.clear()
    videos, rejections = _without_copies(
        _described(entry, known.found.pop(entry.path)) for entry in entries
    )
    _require_splits(listing, videos, rejections)
    rejections += listing.rejections
    return sorted(videos, key=_path), sorted(rejections, key=_path)


def _described(entry: Entry, examined: Examined) -> Video | Rejection:
    """Join what is known of a file with what its folder and the annotations say."""
    content = examined.content
    if content is None:
        return Rejection(entry.path, examined.reason)
    return Video(
        path=entry.path,
        id=entry.id,
        # The videos of a plain folder are their own sources, whatever their names.
        source=entry.source or content.sha256[:16],
        label=entry.label,
        split=entry.split,
        bytes=content.bytes,
        sha256=content.sha256,
        duration=content.duration,
        width=content.width,
        height=content.height,
        fps=content.fps,
        video_stream=content.video_stream,
        audio_stream=None if entry.dubbed else content.audio_stream,
        loudness=None if entry.dubbed else content.loudness,
    )


def _run(
    place: ExaminationFolder,
    files: Sequence[tuple[str, str]],
    beam_args: Sequence[str],
    *,
    workers: int,
    decode: bool,
) -> None:
    """Examine files in a Beam pipeline. Its elements are batches, which name no file."""
    import apache_beam as beam

    from data_prep.beam_options import pipeline_options
    from data_prep.beam_run import running

    options = pipeline_options(beam_args, workers=workers)
    batches = place.write_files(files)
    with (
        watching("Batches of files", len(batches), lambda: len(place.results())),
        running(beam.Pipeline(options=options)) as pipeline,
    ):
        _ = (
            pipeline
            | "Batches" >> beam.Create(batches)
            | "Spread" >> beam.Reshuffle()
            | "Examine" >> beam.Map(_examine_batch, place=place, decode=decode)
        )


def _examine_batch(batch: Batch, place: ExaminationFolder, decode: bool) -> None:
    """Write the results of a batch, or the error that ends the work on all of them."""
    if place.is_done(batch):
        return
    results = list[Examined]()
    try:
        for path, stamp in place.read_files(batch):
            results.append(examine_file(path, stamp, decode=decode))
    except StorageError as error:
        place.write_failure(error)
    place.write_results(batch, results)


def _require_all(
    files: Sequence[tuple[str, str]], results: Iterable[Examined], folder: str | None
) -> None:
    """Check that the results of all workers are in the folder."""
    missing = {path for path, _ in files}.difference(item.path for item in results)
    if missing:
        where = folder or "the folder of temporary files"
        fix = "give an --output" if folder else "set TMPDIR to a folder"
        raise UserError(
            f"{where}: all of Beam's workers must write to this folder, got the results of "
            f"{len(files) - len(missing)} of {len(files)} files; {fix} that they reach"
        )


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
    results: Iterable[Video | Rejection],
) -> tuple[list[Video], list[Rejection]]:
    videos, rejections = list[Video](), list[Rejection]()
    for result in results:
        if isinstance(result, Video):
            videos.append(result)
        else:
            rejections.append(result)
    used: dict[str, Video] = {}
    for video in sorted(videos, key=lambda video: (video.split != EVAL, video.path)):
        first = used.setdefault(video.sha256, video)
        if first is not video:
            rejections.append(Rejection(video.path, f"same file as {printable(first.path)}"))
    return list(used.values()), rejections


def _path(item: Video | Rejection) -> str:
    return item.path


def _ignore(line: str) -> None:
    pass
