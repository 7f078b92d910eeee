import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.planning import plan
from data_prep.records.info import DroppedMixture, SplitInfo
from data_prep.records.layout import lay_out
from data_prep.records.outcomes import (
    Outcome,
    ShardReport,
    require_few_dropped,
    summarize_outcomes,
)
from data_prep.records.work import Work
from data_prep.splits import SPLITS


def test_videos_are_counted_by_what_can_be_heard(make_row):
    """Three audible videos in each split, two with a silent track, one without a track."""
    loudness = [-20.0, -30.0, -60.0, -60.01, -120.0, None]
    rows = [
        make_row(f"{split}{i}", split=split, loudness=level)
        for split in SPLITS
        for i, level in enumerate(loudness)
    ]
    planned = plan(rows, DataConfig(train_mixtures=1, eval_mixtures=1))
    reports = {
        shard: ShardReport.of(
            [Outcome(split=shard.split, mixture_id=f"{shard.split}-0", mixture_type="occlusion")],
            shard, fingerprint="", records="", bytes=1, work=Work(windows=2, seconds={"mix": 0.25}),
        )
        for shard in lay_out(planned.config)
    }  # fmt: skip
    info = summarize_outcomes(planned, reports, absent=0, not_used=0)
    assert info.work == Work(windows=4, seconds={"mix": 0.5})
    for split in info.splits.values():
        assert (split.videos, split.audible_videos, split.silent_videos) == (6, 3, 2)


def test_a_split_without_a_mixture_is_an_error_whatever_the_limit():
    lost = DroppedMixture(mixture_id="eval-0", path="a.mp4", reason="damaged")
    info = SplitInfo(
        mixtures=0, mixture_types={}, with_audio=0, videos=2, sources=2, labels=[], dropped=[lost]
    )
    with pytest.raises(UserError, match=r"eval split: must have a mixture, got none: a\.mp4: dam"):
        require_few_dropped({"eval": info}, 1.0)
