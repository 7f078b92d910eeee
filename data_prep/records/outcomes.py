"""Outcomes of mixtures, and the facts about a data set that they add up to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from data_prep import storage
from data_prep.errors import StorageMissingError, UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.planning import Plan
from data_prep.records.features import FEATURES
from data_prep.records.info import DatasetInfo, DroppedMixture, SplitInfo
from data_prep.records.layout import Shard
from data_prep.results import Results
from data_prep.sources.kinetics import Rejection
from data_prep.splits import SPLITS

_SHOWN = 3  # reasons in an error message


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
    """Account of a finished shard.

    Attributes:
        fingerprint: that of the data set, because mixtures of all data sets have the same names.
        outcomes: outcomes of its mixtures.
        bytes: size of its file of records.
    """

    fingerprint: str
    outcomes: list[Outcome]
    bytes: int

    def vouches_for(self, shard: Shard) -> bool:
        """Say whether every planned mixture has an outcome, and the records are all there."""
        planned = [pairing.mixture_id for pairing in shard.pairings]
        if self.fingerprint != shard.fingerprint:
            return False
        if [outcome.mixture_id for outcome in self.outcomes] != planned:
            return False
        try:
            return storage.size(shard.records) == self.bytes
        except StorageMissingError:
            return False


def read_reports(shards: Iterable[Shard]) -> dict[str, ShardReport]:
    """Read the reports of finished shards, by the keys of the shards.

    Raises:
        UserError: a shard is not finished: its report is missing or is that of other records.
    """
    reports = {}
    for shard in shards:
        report = ShardReport.read(shard.report)
        if not report.vouches_for(shard):
            raise UserError(
                f"{shard.records}: must hold the records that its report lists, got others; "
                "rerun the same command to make them again"
            )
        reports[shard.key] = report
    return reports


def unreadable(outcomes: Sequence[Outcome]) -> list[Rejection]:
    """Return the videos because of which mixtures were dropped."""
    reasons = {outcome.path: outcome.reason for outcome in outcomes if outcome.reason}
    return [Rejection(path, reason) for path, reason in reasons.items()]


def summarize_outcomes(
    planned: Plan, outcomes: Sequence[Outcome], *, absent: int, not_used: int
) -> DatasetInfo:
    """Return the facts about a finished data set.

    Args:
        planned: the plan.
        outcomes: those of all its mixtures.
        absent: number of annotated videos that were not found.
        not_used: number of rejected files.

    Raises:
        NothingMadeError: no mixture of any split could be made.
        UserError: a split lost more mixtures than `max_dropped_share`.
    """
    splits = {split: _split_info(planned, split, outcomes) for split in SPLITS}
    if not any(info.mixtures for info in splits.values()):
        raise NothingMadeError(f"no mixture could be made: {_reasons(splits.values())}")
    require_few_dropped(splits, planned.config.max_dropped_share)
    return DatasetInfo(
        splits=splits,
        settings=planned.config,
        features=dict(FEATURES),
        annotated_but_absent=absent,
        files_not_used=not_used,
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


def _split_info(planned: Plan, split: str, outcomes: Sequence[Outcome]) -> SplitInfo:
    own = sorted((o for o in outcomes if o.split == split), key=lambda o: o.mixture_id)
    kept = [outcome for outcome in own if not outcome.reason]
    dropped = [outcome for outcome in own if outcome.reason]
    counts = Counter(outcome.mixture_type for outcome in kept)
    videos = [video for video in planned.videos if video.split == split]
    audible = sum(video.is_audible(planned.config.min_loudness) for video in videos)
    return SplitInfo(
        mixtures=len(kept),
        mixture_types={name: counts[name] for name in MIXTURE_TYPES if counts[name]},
        with_audio=sum(outcome.with_audio for outcome in kept),
        videos=len(videos),
        audible_videos=audible,
        silent_videos=sum(video.loudness is not None for video in videos) - audible,
        sources=len({video.source for video in videos}),
        labels=sorted({video.label for video in videos}),
        dropped=[
            DroppedMixture(mixture_id=o.mixture_id, path=o.path, reason=o.reason) for o in dropped
        ],
    )
