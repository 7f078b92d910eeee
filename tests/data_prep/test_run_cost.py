import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.generate import generate
from data_prep.mixing.planning import plan
from data_prep.records.dataset import Dataset
from data_prep.run_cost import estimate_cost, graph_bytes
from data_prep.sources import examination, kinetics


@pytest.fixture(scope="module")
def videos(video_folder):
    return examination.examine_all(kinetics.find_videos(str(video_folder)))[0]


def test_an_estimate_is_near_what_is_made_and_writes_nothing(videos, config, tmp_path):
    config = config.model_copy(update={"train_mixtures": 40})
    dataset = Dataset(str(tmp_path / "out"))
    found = estimate_cost(videos, config, dataset.layout)
    assert not (tmp_path / "out").exists()
    info = generate(videos, dataset.folder, config)
    assert found.videos == {name: split.videos for name, split in info.splits.items()}
    assert found.mixtures == {name: split.mixtures for name, split in info.splits.items()}
    assert (found.shards, found.dropped) == (len(info.shards), 0)
    assert found.video_bytes == sum(video.bytes for video in videos)
    assert found.total_bytes == pytest.approx(sum(info.shards.values()), rel=0.2)
    assert 0 < found.core_hours < 1
    assert found.core_hours == pytest.approx(found.seconds * 44 / 3600)


def test_videos_that_cannot_be_read_are_counted(junk_rows, config):
    found = estimate_cost(junk_rows, config, Dataset("out").layout)
    assert found.dropped == config.train_mixtures
    assert found.record_bytes != found.record_bytes  # NaN


def test_too_few_videos(make_row, config):
    with pytest.raises(UserError, match="at least 2 usable source videos"):
        estimate_cost([make_row("a")], config, Dataset("out").layout)


def test_the_graph_grows_with_the_mixtures_not_with_the_videos(make_row):
    def graph(count, **changes):
        rows = [make_row(f"s{i}", split="eval" if i % 5 else "train") for i in range(count)]
        config = DataConfig(train_mixtures=512, eval_mixtures=256, **changes)
        return graph_bytes(plan(rows, config), Dataset("out").layout)

    small = graph(50)
    assert abs(graph(10_000) - small) < 100  # pickles differ by some bytes
    assert graph(50, records_per_shard=4) > small + 1_000
