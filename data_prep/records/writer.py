"""The one writer of records: shards of mixtures, their resumption and their account.

`generate` and the pipeline's MixtureGen both call `write_records`; only their `RecordLayout`
differs. MixtureGen calls it like this:

    planned = plan(manifest.read(path), config)
    layout = RecordLayout(
        unfinished=unfinished,  # the same for all attempts at the same records
        splits={split: artifact_utils.get_split_uri([examples], split) for split in SPLITS},
        info=join(examples.uri, "info.json"),
        rejected=join(examples.uri, "rejected.csv"),
    )
    earlier = manifest.read_rejected(join(parent(path), "rejected.csv"))
    write_records(planned, layout, self._make_beam_pipeline(), rejections=earlier)

All places are URIs of the storage layer, on the workers too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import apache_beam as beam
import tensorflow as tf
from apache_beam.metrics import Metrics

from data_prep import storage
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import StorageError, UserError
from data_prep.media.clip import Clip, read_clip
from data_prep.media.decoding import MediaError
from data_prep.mixing.mixture_types import MIXTURE_TYPES, get_mixture_type
from data_prep.mixing.pairing import Pairing, Window
from data_prep.mixing.planning import Plan
from data_prep.records.features import FEATURES
from data_prep.records.info import DatasetInfo, DroppedMixture, SplitInfo
from data_prep.records.record import Mixture, encode
from data_prep.results import Results
from data_prep.sources import manifest
from data_prep.sources.kinetics import SPLITS, Rejection


@dataclass(frozen=True)
class RecordLayout:
    """Places of everything that the writer writes, as URIs.

    Attributes:
        unfinished: folder of what resumes an interrupted run: the reports of finished shards
            and, unless they are made in place, the shards. It is removed at the end.
        splits: folder of each split's records, by split.
        info: the file `info.json`.
        rejected: the file `rejected.csv`.
        in_place: whether shards are made in the folders of `splits` from the start. Otherwise they
            are made in `unfinished`, and moved there once all are finished.
        marker: a file that is written last; None for none.
    """

    unfinished: str
    splits: Mapping[str, str]
    info: str
    rejected: str
    in_place: bool = False
    marker: str | None = None

    @property
    def reports(self) -> str:
        """Folder of the reports of finished shards."""
        return storage.join(self.unfinished, "reports")

    def shards(self, split: str) -> str:
        """Return the folder in which the shards of a split are made."""
        return self.splits[split] if self.in_place else storage.join(self.unfinished, split)


class NothingMadeError(UserError):
    """No mixture of a split could be made."""


class Outcome(Results):
    """Outcome of one mixture. `path` and `reason` are set if it was dropped."""

    split: str
    mixture_id: str
    mixture_type: str
    with_audio: bool = False
    path: str = ""
    reason: str = ""


class ShardReport(Results):
    """Outcomes of the mixtures of a finished shard."""

    outcomes: list[Outcome]


@dataclass(frozen=True)
class Shard:
    """One file of records to make, and the report that makes it a finished one."""

    records: str
    report: str
    pairings: tuple[Pairing, ...]


def write_records(
    planned: Plan,
    layout: RecordLayout,
    pipeline: beam.Pipeline,
    *,
    rejections: Sequence[Rejection] = (),
    absent: int = 0,
) -> DatasetInfo:
    """Make the records of both splits, reusing the finished shards of an interrupted run.

    The records depend on the plan alone, not on the number of workers or on interruptions.

    Args:
        planned: the plan, from `planning.plan`.
        layout: where everything goes.
        pipeline: a Beam pipeline that has not run yet; it is run here.
        rejections: files rejected earlier, for `rejected.csv`.
        absent: number of annotated videos that were not found, for `info.json`.

    Returns:
        What `info.json` says.

    Raises:
        NothingMadeError: no mixture of a split could be made. Nothing is left in `unfinished`, so
            that the videos are read again next time.
        StorageError: something could not be written. The finished shards are kept.
    """
    with pipeline:
        _ = pipeline | WriteShards(list(_shards(planned, layout)), planned.config)
    outcomes = read_outcomes(layout.reports)
    unreadable = {outcome.path: outcome.reason for outcome in outcomes if outcome.reason}
    rejected = [*rejections, *planned.rejections, *(Rejection(*i) for i in unreadable.items())]
    try:
        info = DatasetInfo(
            splits={split: _split_info(planned, split, outcomes) for split in SPLITS},
            settings=planned.config,
            features=dict(FEATURES),
            annotated_but_absent=absent,
            files_not_used=len(rejected),
        )
    except NothingMadeError:
        _remove_unfinished(layout)
        raise
    info.write(layout.info)
    manifest.write_rejected(layout.rejected, sorted(rejected, key=lambda item: item.path))
    _finish(layout)
    return info


def read_outcomes(reports: str) -> list[Outcome]:
    """Read the outcomes of the mixtures of all finished shards."""
    files = storage.list_files(reports, ".json")
    return [outcome for file in files for outcome in ShardReport.read(file).outcomes]


def make_record(pairing: Pairing, config: DataConfig) -> tuple[bytes | None, Outcome]:
    """Make one record: decode both clips, prepare the mixture, encode.

    Returns:
        A serialized tf.train.Example (see `records.features`), or None if one of the videos
        cannot be read; and the outcome.
    """
    outcome = Outcome(
        split=pairing.split, mixture_id=pairing.mixture_id, mixture_type=pairing.mixture_type
    )
    try:
        v1, v2 = (read_window(window, config.clip) for window in (pairing.v1, pairing.v2))
    except MediaError as error:
        return None, outcome.model_copy(update={"path": error.path, "reason": error.reason})
    kind = get_mixture_type(pairing.mixture_type)
    frames, alpha = kind.prepare(v1.frames, v2.frames, pairing.mixing_rng(), config)
    record = encode(Mixture(pairing, v1, replace(v2, frames=frames), alpha))
    return record, outcome.model_copy(update={"with_audio": v1.has_audio})


def read_window(window: Window, clip: ClipConfig) -> Clip:
    """Decode a window of a video.

    Raises:
        MediaError: the video cannot be read there; its path is the one in the manifest.
    """
    path = window.video.path
    try:
        with storage.local_copy(path) as local:
            return read_clip(local, clip, start=window.start, crop=(window.top, window.left))
    except (MediaError, StorageError) as error:
        raise MediaError(path, error.reason) from error


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
        if storage.exists(shard.report):
            self._reused.inc()
            return
        outcomes = []
        drafts = storage.parent(shard.report)
        with (
            storage.replacing(shard.records, drafts=drafts) as temporary,
            tf.io.TFRecordWriter(str(temporary)) as writer,
        ):
            for pairing in shard.pairings:
                record, outcome = make_record(pairing, self._config)
                outcomes.append(outcome)
                if record is not None:
                    writer.write(record)
        # The report makes the shard a finished one, so it comes after the records.
        ShardReport(outcomes=outcomes).write(shard.report)
        self._made.inc()


def _shards(planned: Plan, layout: RecordLayout) -> Iterator[Shard]:
    """Lay out the mixtures over files; the file of a mixture depends on its index alone."""
    size = planned.config.records_per_shard
    for split in SPLITS:
        pairings = planned.pairings(split)
        starts = range(0, len(pairings), size)
        for i, start in enumerate(starts):
            name = f"mixtures-{i:05d}-of-{len(starts):05d}.tfrecord"
            yield Shard(
                storage.join(layout.shards(split), name),
                storage.join(layout.reports, f"{split}-{i:05d}.json"),
                tuple(pairings[start : start + size]),
            )


def _split_info(planned: Plan, split: str, outcomes: Sequence[Outcome]) -> SplitInfo:
    own = sorted((o for o in outcomes if o.split == split), key=lambda o: o.mixture_id)
    kept = [outcome for outcome in own if not outcome.reason]
    dropped = [outcome for outcome in own if outcome.reason]
    if not kept:
        reasons = "; ".join(f"{outcome.path}: {outcome.reason}" for outcome in dropped[:3])
        raise NothingMadeError(f"{split} split: no mixture could be made: {reasons}")
    counts = Counter(outcome.mixture_type for outcome in kept)
    videos = [video for video in planned.videos if video.split == split]
    return SplitInfo(
        mixtures=len(kept),
        mixture_types={name: counts[name] for name in MIXTURE_TYPES if counts[name]},
        with_audio=sum(outcome.with_audio for outcome in kept),
        videos=len(videos),
        sources=len({video.source for video in videos}),
        labels=sorted({video.label for video in videos}),
        dropped=[
            DroppedMixture(mixture_id=o.mixture_id, path=o.path, reason=o.reason) for o in dropped
        ],
    )


def _finish(layout: RecordLayout) -> None:
    if not layout.in_place:
        # Once the first shard is moved, a report would vouch for records that are gone.
        storage.remove_tree(layout.reports)
        for split, folder in layout.splits.items():
            storage.move(layout.shards(split), folder)
    if layout.marker is not None:
        storage.write_text(layout.marker, "")
    _remove_unfinished(layout)


def _remove_unfinished(layout: RecordLayout) -> None:
    storage.remove_tree(layout.reports)  # before the shards, for the same reason
    storage.remove_tree(layout.unfinished)
