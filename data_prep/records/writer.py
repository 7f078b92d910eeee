"""The one writer of records: shards of mixtures, their resumption and their account.

`generate` and the pipeline's MixtureGen both call `write_records`; only their `RecordLayout`
differs. Both hold the lease of the folder meanwhile.

All places are URIs of the storage layer, on the workers too. What travels to the workers does not
grow with the number of videos: a shard is a range of mixtures, which the worker draws itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from data_prep import storage
from data_prep.beam_run import running
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.planning import Plan
from data_prep.records.info import DatasetInfo
from data_prep.records.layout import RecordLayout, Shard, lay_out
from data_prep.records.making import make_record
from data_prep.records.outcomes import (
    Outcome,
    ShardReport,
    find_report,
    find_reports,
    summarize_outcomes,
    unreadable,
)
from data_prep.records.tfrecord import write_record
from data_prep.records.work import WorkMeter
from data_prep.sources import manifest
from data_prep.sources.kinetics import Rejection
from data_prep.sources.videos import Videos

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)?")  # such as times, which would make many counters
_LONGEST_NAME = 100


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
    shards = list(lay_out(planned.config))
    _report_resumption(planned, shards, layout, report)
    planned.videos.write(layout.videos(planned.fingerprint))
    job = Job(layout, planned.config, planned.fingerprint)
    with running(pipeline):
        _ = pipeline | WriteShards(shards, job)
    require_held()
    reports = find_reports(shards, layout, planned.fingerprint)
    _require_all(shards, reports, layout)
    rejected = [*rejections, *planned.rejections, *unreadable(reports.values())]
    info = summarize_outcomes(planned, reports, absent=absent, not_used=len(rejected))
    info.write(layout.info)
    manifest.write_rejected(layout.rejected, sorted(rejected, key=lambda item: item.path))
    storage.remove(layout.videos(planned.fingerprint))
    require_held()
    if layout.marker is not None:
        storage.write_text(layout.marker, "")
    return info


def _report_resumption(
    planned: Plan,
    shards: Sequence[Shard],
    layout: RecordLayout,
    report: Callable[[str], None] | None,
) -> None:
    """Say how many shards an earlier run has finished, if there are some."""
    if report is None or not storage.list_files(layout.reports, ".json"):
        return
    finished = len(find_reports(shards, layout, planned.fingerprint))
    if finished:
        report(f"resuming: {finished} of {len(shards)} shards are finished")


def _require_all(
    shards: Sequence[Shard], reports: dict[Shard, ShardReport], layout: RecordLayout
) -> None:
    """Check that every shard is finished; a runner that lost some says nothing about it."""
    lost = [shard for shard in shards if shard not in reports]
    if lost:
        raise UserError(
            f"{layout.reports}: must hold a report of every file of records, and each file have "
            f"the size that it says, got {len(shards) - len(lost)} of {len(shards)}, none of "
            f"{layout.records(lost[0])}; all workers must reach this folder; rerun the same command"
        )


@dataclass(frozen=True)
class Job:
    """What every worker must know.

    Attributes:
        layout: where everything goes.
        config: settings of the data set.
        fingerprint: digest of all that decides the records.
    """

    layout: RecordLayout
    config: DataConfig
    fingerprint: str

    def read_plan(self) -> Plan:
        """Read the videos, and plan their mixtures."""
        return Plan(Videos.read(self.layout.videos(self.fingerprint)), [], self.config)


class WriteShards(beam.PTransform):
    """Make the records of shards and write them; a shard that has its report is reused.

    The bytes of a file depend on its range of mixtures, the videos and the settings alone, not on
    who writes it when.
    """

    def __init__(self, shards: Sequence[Shard], job: Job):
        super().__init__()
        self.shards = shards
        self.job = job

    def expand(self, pcoll: beam.Pipeline) -> beam.PCollection:
        """Apply the transform to a pipeline."""
        return (
            pcoll
            | "Shards" >> beam.Create(self.shards)
            | "Spread" >> beam.Reshuffle()
            | "WriteShard" >> beam.ParDo(WriteShard(self.job))
        )


class WriteShard(beam.DoFn):
    """Makes one shard, unless it is finished, and counts what is in it."""

    def __init__(self, job: Job):
        self._job = job
        self._plan = Shared()  # one for all threads of a process

    def process(self, shard: Shard) -> None:
        """Make a shard whose report is missing or vouches for other records."""
        plan = self._plan.acquire(self._job.read_plan, tag=self._job.fingerprint)
        report = _find_finished(shard, plan, self._job)
        Metrics.counter("shards", "reused" if report else "made").inc()
        _count(report or _make(shard, plan, self._job))


def _count(report: ShardReport) -> None:
    """Add a shard to Beam's counters, which every runner shows while it runs."""
    for name, count in report.mixture_types.items():
        Metrics.counter("mixtures", name).inc(count)
    for lost in report.dropped:
        Metrics.counter("dropped", _NUMBERS.sub("N", lost.reason)[:_LONGEST_NAME]).inc()
    Metrics.counter("read", "windows").inc(report.work.windows)
    Metrics.counter("read", "bytes").inc(report.work.bytes_read)
    for step, seconds in report.work.seconds.items():
        Metrics.counter("milliseconds", step).inc(round(1000 * seconds))


@storage.retrying
def _find_finished(shard: Shard, plan: Plan, job: Job) -> ShardReport | None:
    """Return the report of a finished shard; what it lost must still be lost."""
    report = find_report(shard, job.layout, job.fingerprint)
    if report is not None and report.dropped:
        lost = {mixture.mixture_id for mixture in report.dropped}
        pairings = plan.pairings(shard.split, shard.start, shard.stop)
        again = (make_record(p, job.config)[0] for p in pairings if p.mixture_id in lost)
        if any(record is not None for record in again):
            return None
    return report


@storage.retrying
def _make(shard: Shard, plan: Plan, job: Job) -> ShardReport:
    meter, place = WorkMeter(), job.layout.records(shard)
    with storage.replacing(place, drafts=job.layout.reports) as draft:
        outcomes = _write(draft, shard, plan, meter)
        size = draft.stat().st_size
    report = ShardReport.of(
        outcomes,
        shard,
        fingerprint=job.fingerprint,
        records=place,
        bytes=size,
        work=meter.read(),
    )
    # The report makes the shard a finished one, so it comes after the records.
    report.write(job.layout.report(shard))
    return report


def _write(draft: Path, shard: Shard, plan: Plan, meter: WorkMeter) -> list[Outcome]:
    outcomes = []
    with draft.open("wb") as file:
        for pairing in plan.pairings(shard.split, shard.start, shard.stop):
            record, outcome = make_record(pairing, plan.config, meter)
            outcomes.append(outcome)
            if record is not None:
                write_record(file, record)
    return outcomes
