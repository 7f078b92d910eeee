"""Outcomes of mixtures, and the facts about a data set that they add up to."""

from collections import Counter
from collections.abc import Sequence

from data_prep import storage
from data_prep.errors import UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.planning import Plan
from data_prep.records.features import FEATURES
from data_prep.records.info import DatasetInfo, DroppedMixture, SplitInfo
from data_prep.results import Results
from data_prep.sources.kinetics import Rejection
from data_prep.splits import SPLITS


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


def read_outcomes(reports: str) -> list[Outcome]:
    """Read the outcomes of the mixtures of all finished shards, from the folder of reports."""
    files = storage.list_files(reports, ".json")
    return [outcome for file in files for outcome in ShardReport.read(file).outcomes]


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
        NothingMadeError: no mixture of a split could be made.
    """
    return DatasetInfo(
        splits={split: _split_info(planned, split, outcomes) for split in SPLITS},
        settings=planned.config,
        features=dict(FEATURES),
        annotated_but_absent=absent,
        files_not_used=not_used,
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
