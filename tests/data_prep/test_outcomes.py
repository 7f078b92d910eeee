import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.planning import plan
from data_prep.records.info import DroppedMixture, SplitInfo
from data_prep.records.outcomes import Outcome, require_few_dropped, summarize_outcomes
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
    made = [
        Outcome(split=split, mixture_id=f"{split}-0", mixture_type="occlusion") for split in SPLITS
    ]
    info = summarize_outcomes(planned, made, absent=0, not_used=0)
    for split in info.splits.values():
        assert (split.videos, split.audible_videos, split.silent_videos) == (6, 3, 2)


def test_a_split_without_a_mixture_is_an_error_whatever_the_limit():
    lost = DroppedMixture(mixture_id="eval-0", path="a.mp4", reason="damaged")
    info = SplitInfo(
        mixtures=0, mixture_types={}, with_audio=0, videos=2, sources=2, labels=[], dropped=[lost]
    )
    with pytest.raises(UserError, match=r"eval split: must have a mixture, got none: a\.mp4: dam"):
        require_few_dropped({"eval": info}, 1.0)
