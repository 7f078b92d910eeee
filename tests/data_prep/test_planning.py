import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing import planning
from data_prep.mixing.pairing import draw
from data_prep.mixing.planning import plan
from data_prep.sources.assign_splits import assign_splits

CONFIG = DataConfig(train_mixtures=5, eval_mixtures=3)


def test_a_plan_draws_the_mixtures_of_the_usable_videos(make_row):
    rows = [make_row(f"s{i}") for i in range(30)]
    planned = plan([*rows, make_row("short", duration=0.1)], CONFIG)
    assert planned.videos == assign_splits(rows, CONFIG)
    assert [rejection.path for rejection in planned.rejections] == ["/videos/short.mp4"]
    train = draw(planned.videos, "train", 5, CONFIG)
    assert list(planned.pairings("train")) == train
    assert list(planned.pairings("train", 2, 4)) == train[2:4]
    assert list(planned.pairings("eval")) == draw(planned.videos, "eval", 3, CONFIG)


def test_planning_draws_nothing(make_row, monkeypatch):
    monkeypatch.delattr(planning, "VideoPool")
    plan([make_row(f"s{i}") for i in range(4)], CONFIG)
    with pytest.raises(UserError, match=r"split: mixtures need at least 2 usable source vid"):
        plan([make_row("a"), make_row("b"), make_row("c")], CONFIG)
