import pytest

from data_prep.config import DataConfig
from data_prep.sources.assign_splits import assign_splits


def splits_of(videos):
    return {video.source: video.split for video in videos}


def test_annotated_splits_are_followed_and_a_source_in_both_is_held_out(make_row):
    rows = [
        make_row("a", split="train"),
        make_row("b", split="eval"),
        make_row("c", id="c1", split="train"),
        make_row("c", id="c2", split="eval"),
        make_row("free"),
    ]
    splits = splits_of(assign_splits(rows, DataConfig()))
    assert {key: splits[key] for key in "abc"} == {"a": "train", "b": "eval", "c": "eval"}
    assert splits["free"] in ("train", "eval")


def test_hashed_split_keeps_its_share_and_more_videos_move_none(make_row):
    config = DataConfig(eval_fraction=0.2, split_seed=1)
    rows = [make_row(f"s{i}", split="train") for i in range(1000)]
    all_splits = splits_of(assign_splits(rows, config))
    share = sum(split == "eval" for split in all_splits.values()) / 1000
    assert share == pytest.approx(0.2, abs=0.04)
    fewer = splits_of(assign_splits(rows[:300], config))
    assert fewer == {source: all_splits[source] for source in fewer}
    other = splits_of(assign_splits(rows, DataConfig(eval_fraction=0.2, split_seed=2)))
    assert other != all_splits
    same = splits_of(assign_splits(rows, config.model_copy(update={"seed": 5})))
    assert same == all_splits


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_few_sources_give_each_split_two(make_row, fraction):
    rows = [make_row(f"s{i}") for i in range(4)]
    splits = splits_of(assign_splits(rows, DataConfig(eval_fraction=fraction)))
    assert sorted(splits.values()) == ["eval", "eval", "train", "train"]
