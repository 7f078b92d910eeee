"""Outcomes of mixtures, and the facts about a data set that they add up to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.planning import Plan
from data_prep.records.features import FEATURES
from data_prep.records.info import DatasetInfo, DroppedMixture, SplitInfo
from data_prep.records.layout import RecordLayout, Shard
from data_prep.records.work import Work
from data_prep.results import Results
from data_prep.sources.kinetics import Rejection
from data_prep.splits import SPLITS

_SHOWN = 3  # reasons in an error message
_AT_A_TIME = 16  # requests to a store, most of whose time is waiting


class NothingMadeError(UserError):
    """No mixture of any split could be made."""


class Outcome(Results):
    """Outcome of one mixture. `path` and `reason` are set if it was dropped."""

    split: str
    mixture_id: str
    mixture_type: str
    with_audio: bool = False
    path: str = ""
    reason: str = ""


class ShardReport(Results):
    """Account of a finished shard, as long as its losses, whatever it holds.

    Attributes:
        fingerprint: that of the data set, because mixtures of all data sets have the same names.
        start: index of its first mixture.
        stop: index after the last one.
        records: URI of its file of records.
        bytes: size of this file.
        mixture_types: number of records of each mixture type.
        with_audio: number of records whose target clip is audible.
        dropped: mixtures that could not be made.
        work: what it took.
    """

    fingerprint: str
    start: int
    stop: int
    records: str
    bytes: int
    mixture_types: dict[str, int]
    with_audio: int
    dropped: list[DroppedMixture]
    work: Work

    @classmethod
    def of(
        cls, outcomes: Sequence[Outcome], shard: Shard, *, fingerprint: str, **facts: Any
    ) -> Self:
        """Count the outcomes of a shard's mixtures."""
        made = [outcome for outcome in outcomes if not outcome.reason]
        return cls(
            fingerprint=fingerprint,
            start=shard.start,
            stop=shard.stop,
            mixture_types=Counter(outcome.mixture_type for outcome in made),
            with_audio=sum(outcome.with_audio for outcome in made),
            dropped=[
                DroppedMixture(mixture_id=o.mixture_id, path=o.path, reason=o.reason)
                for o in outcomes
                if o.reason
            ],
            **facts,
        )

    def is_about(self, shard: Shard, fingerprint: str) -> bool:
        """Say whether these are the shard's mixtures."""
        own = (self.fingerprint, self.start, self.stop)
        return own == (fingerprint, shard.start, shard.stop)


@storage.retrying
def find_report(shard: Shard, layout: RecordLayout, fingerprint: str) -> ShardReport | None:
    """Read the report of a finished shard, and give its records their place.

    Records of an earlier attempt are linked or copied there. They stay where they are, too: another
    attempt may still run, which nobody has canceled.

    Returns:
        The report, which names that place; None if there is none, or if the records are gone.
    """
    uri = layout.report(shard)
    try:
        report = ShardReport.read(uri)
    except StorageMissingError:
        return None
    except StorageError:
        raise
    except UserError:  # of another version
        return None
    if not report.is_about(shard, fingerprint):
        return None
    place = layout.records(shard)
    if not _holds(place, report.bytes):
        if not (layout.may_take_over(report.records) and _holds(report.records, report.bytes)):
            return None
        storage.link(report.records, place)
    if report.records != place:
        report = report.model_copy(update={"records": place})
        report.write(uri)
    return report


def find_reports(
    shards: Sequence[Shard], layout: RecordLayout, fingerprint: str
) -> dict[Shard, ShardReport]:
    """Find the reports of the finished ones among some shards, several at a time."""
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        reports = threads.map(lambda shard: find_report(shard, layout, fingerprint), shards)
        return {s: report for s, report in zip(shards, reports, strict=True) if report is not None}


def _holds(records: str, size: int) -> bool:
    try:
        return storage.size(records) == size
    except StorageMissingError:
        return False


def unreadable(reports: Iterable[ShardReport]) -> list[Rejection]:
    """Return the videos because of which mixtures were dropped."""
    reasons = {lost.path: lost.reason for report in reports for lost in report.dropped}
    return [Rejection(path, reason) for path, reason in reasons.items()]


def summarize_outcomes(
    planned: Plan, reports: Mapping[Shard, ShardReport], *, absent: int, not_used: int
) -> DatasetInfo:
    """Return the facts about a finished data set.

    Args:
        planned: the plan.
        reports: those of all its shards.
        absent: number of annotated videos that were not found.
        not_used: number of rejected files.

    Raises:
        NothingMadeError: no mixture of any split could be made.
        UserError: a split lost more mixtures than `max_dropped_share`.
    """
    splits = {
        split: _split_info(planned, split, [r for s, r in reports.items() if s.split == split])
        for split in SPLITS
    }
    if not any(info.mixtures for info in splits.values()):
        raise NothingMadeError(f"no mixture could be made: {_reasons(splits.values())}")
    require_few_dropped(splits, planned.config.max_dropped_share)
    return DatasetInfo(
        splits=splits,
        settings=planned.config,
        features=dict(FEATURES),
        shards={shard.key: report.bytes for shard, report in reports.items()},
        annotated_but_absent=absent,
        files_not_used=not_used,
        work=Work.total(report.work for report in reports.values()),
    )


def require_few_dropped(splits: Mapping[str, SplitInfo], limit: float) -> None:
    """Check that no split lost too many mixtures.

    Args:
        splits: facts about each split, by its name.
        limit: largest share of a split's mixtures that may be lost, in [0, 1].

    Raises:
        UserError: a split lost more, or all.
    """
    for name, info in splits.items():
        lost = len(info.dropped)
        planned = lost + info.mixtures
        if lost / planned > limit:
            raise UserError(
                f"{name} split: must lose at most {limit:.3g} of its mixtures "
                f"(max_dropped_share), got {lost / planned:.3g} ({lost} of {planned}): "
                + _reasons([info])
            )
        if not info.mixtures:
            raise UserError(f"{name} split: must have a mixture, got none: {_reasons([info])}")


def _reasons(splits: Iterable[SplitInfo]) -> str:
    """Name the first videos that could not be used, each once."""
    reasons = {lost.path: lost.reason for info in splits for lost in info.dropped}
    shown = [f"{path}: {reason}" for path, reason in list(reasons.items())[:_SHOWN]]
    return "; ".join(shown + ["..."] * (len(reasons) > _SHOWN))


def _split_info(planned: Plan, split: str, reports: Sequence[ShardReport]) -> SplitInfo:
    config, videos = planned.config, planned.videos
    counts = sum((Counter(report.mixture_types) for report in reports), Counter[str]())
    own = videos.in_split(split)
    loudness = videos.numbers("loudness")[own]
    audible = int(np.count_nonzero(loudness >= config.min_loudness))  # not so if it is NaN
    labels, names = videos.codes("label")
    return SplitInfo(
        mixtures=counts.total(),
        mixture_types={name: counts[name] for name in MIXTURE_TYPES if counts[name]},
        with_audio=sum(report.with_audio for report in reports),
        videos=int(np.count_nonzero(own)),
        audible_videos=audible,
        silent_videos=int(np.count_nonzero(~np.isnan(loudness))) - audible,
        sources=len(np.unique(videos.codes("source")[0][own])),
        labels=sorted(names[code].as_py() for code in np.unique(labels[own])),
        dropped=sorted(
            (lost for report in reports for lost in report.dropped), key=lambda d: d.mixture_id
        ),
    )
