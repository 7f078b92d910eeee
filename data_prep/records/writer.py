"""The one writer of records: shards of mixtures, their resumption and their account.

`generate` and the pipeline's MixtureGen both call `write_records`; only their `RecordLayout`
differs. Both hold the lease of the folder meanwhile, and remove what is unfinished afterwards.

All places are URIs of the storage layer, on the workers too.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.metrics import Metrics

from data_prep import storage
from data_prep.beam_run import running
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media import pcm
from data_prep.media.clip import Clip, read_clip
from data_prep.media.decoding import MediaError
from data_prep.mixing.mixture_types import get_mixture_type
from data_prep.mixing.pairing import Pairing, Window
from data_prep.mixing.planning import Plan
from data_prep.records.info import DatasetInfo
from data_prep.records.layout import RecordLayout, Shard, lay_out
from data_prep.records.outcomes import (
    Outcome,
    ShardReport,
    read_reports,
    summarize_outcomes,
    unreadable,
)
from data_prep.records.record import Mixture, encode
from data_prep.sources import manifest
from data_prep.sources.kinetics import Rejection
from data_prep.sources.manifest import Video

# TensorFlow's errors have the text of the operating system's, but not its number.
_ERRORS = {os.strerror(number): number for number in errno.errorcode}


def write_records(
    planned: Plan,
    layout: RecordLayout,
    pipeline: beam.Pipeline,
    *,
    require_held: Callable[[], None],
    rejections: Sequence[Rejection] = (),
    absent: int = 0,
    report: Callable[[str], None] | None = None,
) -> DatasetInfo:
    """Make the records of both splits, reusing the finished shards of an interrupted run.

    The records depend on the plan alone, not on the number of workers or on interruptions.

    Args:
        planned: the plan, from `planning.plan`.
        layout: where everything goes.
        pipeline: a Beam pipeline that has not run yet; it is run here.
        require_held: what `storage.lease` of the folder yields; called before the records are
            marked as complete.
        rejections: files rejected earlier, for `rejected.csv`.
        absent: number of annotated videos that were not found, for `info.json`.
        report: called with a line for people if finished shards are reused.

    Returns:
        Facts about the data set, as `info.json` holds them.

    Raises:
        NothingMadeError: no mixture of any split could be made.
        UserError: a split lost more mixtures than `max_dropped_share`. All shards are kept; the
            next run tries what was lost again. Or another process has become the writer.
        StorageError: something could not be read or written, or a video has another size than when
            it was indexed. The finished shards are kept.
    """
    shards = list(lay_out(planned, layout))
    finished = _count_finished(shards, layout)
    if finished and report is not None:
        report(f"resuming: {finished} of {len(shards)} shards are finished")
    with running(pipeline):
        _ = pipeline | WriteShards(shards, planned.config)
    require_held()
    reports = read_reports(shards)
    outcomes = [outcome for report in reports.values() for outcome in report.outcomes]
    rejected = [*rejections, *planned.rejections, *unreadable(outcomes)]
    info = summarize_outcomes(planned, outcomes, absent=absent, not_used=len(rejected))
    sizes = {key: report.bytes for key, report in reports.items()}
    info = info.model_copy(update={"shards": sizes})
    info.write(layout.info)
    manifest.write_rejected(layout.rejected, sorted(rejected, key=lambda item: item.path))
    require_held()
    _finish(layout)
    return info


def _count_finished(shards: Sequence[Shard], layout: RecordLayout) -> int:
    """Count the shards that have a report and records, without reading them."""
    reports = set(map(storage.name, storage.list_files(layout.reports, ".json")))
    sizes = layout.sizes() if reports else {}
    return sum(storage.name(s.report) in reports and s.key in sizes for s in shards)


def make_record(pairing: Pairing, config: DataConfig) -> tuple[bytes | None, Outcome]:
    """Make one record: decode both clips, prepare the mixture, encode.

    A clip counts as having audio if its window is audible.

    Returns:
        A serialized tf.train.Example (see `records.features`), or None if one of the videos
        cannot be decoded; and the outcome.

    Raises:
        StorageError: see `read_window`.
    """
    outcome = Outcome(
        split=pairing.split, mixture_id=pairing.mixture_id, mixture_type=pairing.mixture_type
    )
    try:
        v1, v2 = (read_window(window, config.recorded_clip) for window in (pairing.v1, pairing.v2))
    except MediaError as error:
        return None, outcome.model_copy(update={"path": error.path, "reason": error.reason})
    mixture_type = get_mixture_type(pairing.mixture_type)
    made = mixture_type.prepare(v1.frames, v2.frames, pairing.mixing_rng(), config)
    v1, v2 = (
        replace(clip, frames=frames, has_audio=pcm.loudness(clip.audio) >= config.min_loudness)
        for clip, frames in ((v1, made.v1), (v2, made.v2))
    )
    record = encode(Mixture(pairing, v1, v2, made.alpha, made.front))
    return record, outcome.model_copy(update={"with_audio": v1.has_audio})


@storage.retrying
def read_window(window: Window, clip: ClipConfig) -> Clip:
    """Decode a window of a video. Its audio is silence if the manifest names no audio stream.

    Raises:
        MediaError: the video cannot be decoded there; its path is the one in the manifest.
        StorageError: the file cannot be read, is missing, or has another size than when it was
            indexed. Its digest is not compared.
    """
    path = window.video.path
    try:
        with storage.local_copy(path) as local:
            _require_size(local, window.video)
            read = read_clip(local, clip, start=window.start, crop=(window.top, window.left))
    except MediaError as error:
        raise MediaError(path, error.reason) from error
    if window.video.audio_stream is None:
        return replace(read, audio=np.zeros_like(read.audio), has_audio=False)
    return read


def _require_size(local: Path, video: Video) -> None:
    size = storage.size(str(local))
    if size != video.bytes:
        raise StorageError(
            video.path,
            f"must be as it was indexed, with {video.bytes} bytes, got {size}; index it again",
        )


class WriteShards(beam.PTransform):
    """Make the records of shards and write them; a shard that has its report is reused.

    The bytes of a file depend on its pairings and the settings alone, not on who writes it when.
    """

    def __init__(self, shards: Sequence[Shard], config: DataConfig):
        super().__init__()
        self._shards = shards
        self._config = config

    def expand(self, pcoll: beam.Pipeline) -> beam.PCollection:
        """Apply the transform to a pipeline."""
        return (
            pcoll
            | "Shards" >> beam.Create(self._shards)
            | "Spread" >> beam.Reshuffle()
            | "WriteShard" >> beam.ParDo(_WriteShard(self._config))
        )


class _WriteShard(beam.DoFn):
    def __init__(self, config: DataConfig):
        self._config = config
        self._made = Metrics.counter("shards", "made")
        self._reused = Metrics.counter("shards", "reused")

    def process(self, shard: Shard) -> None:
        if _is_finished(shard, self._config):
            self._reused.inc()
        else:
            _make(shard, self._config)
            self._made.inc()


@storage.retrying
def _is_finished(shard: Shard, config: DataConfig) -> bool:
    """Say whether a shard need not be made: its records are there, and what it lost stays lost."""
    try:
        report = ShardReport.read(shard.report)
    except StorageMissingError:
        return False
    except StorageError:
        raise
    except UserError:  # of another version
        return False
    if not report.vouches_for(shard):
        return False
    lost = {outcome.mixture_id for outcome in report.outcomes if outcome.reason}
    again = (make_record(p, config)[0] for p in shard.pairings if p.mixture_id in lost)
    return all(record is None for record in again)


@storage.retrying
def _make(shard: Shard, config: DataConfig) -> None:
    with storage.replacing(shard.records, drafts=storage.parent(shard.report)) as draft:
        with _errors_of_tensorflow(shard.records, draft):
            outcomes = _write(draft, shard.pairings, config)
        size = draft.stat().st_size
    # The report makes the shard a finished one, so it comes after the records.
    report = ShardReport(fingerprint=shard.fingerprint, outcomes=outcomes, bytes=size)
    report.write(shard.report)


def _write(path: Path, pairings: Sequence[Pairing], config: DataConfig) -> list[Outcome]:
    outcomes = []
    with tf.io.TFRecordWriter(str(path)) as writer:
        for pairing in pairings:
            record, outcome = make_record(pairing, config)
            outcomes.append(outcome)
            if record is not None:
                writer.write(record)
    return outcomes


@contextmanager
def _errors_of_tensorflow(uri: str, draft: Path) -> Iterator[None]:
    """Report TensorFlow's own errors about files, such as a full disk, as storage errors."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = " ".join(error.message.split()).removeprefix(f"{draft}; ")
        number = _ERRORS.get(reason.rpartition("; ")[2])
        cause = error if number is None else OSError(number, reason)
        raise StorageError(uri, reason) from cause


def _finish(layout: RecordLayout) -> None:
    """Put the records in place, and remove at last what would find them again after a kill."""
    if not layout.in_place:
        for split, folder in layout.splits.items():
            storage.link_tree(layout.shards(split), folder)
    if layout.marker is not None:
        storage.write_text(layout.marker, "")
    if not layout.in_place:
        storage.remove_tree(layout.reports)
        for split in layout.splits:
            storage.remove_tree(layout.shards(split))
