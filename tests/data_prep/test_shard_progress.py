from data_prep.generate import generate
from data_prep.records.dataset import Dataset
from data_prep.records.shard_progress import ShardProgress
from data_prep.sources import examination, kinetics


def test_progress_counts_what_finished_shards_hold(video_folder, config, tmp_path):
    videos, _ = examination.examine_all(kinetics.find_videos(str(video_folder)))
    dataset = Dataset(str(tmp_path / "out"))
    progress = ShardProgress(dataset.layout)
    assert (progress.finished(), progress.describe()) == (0, "")
    generate(videos, dataset.folder, config)
    for _ in range(2):  # a report is counted once
        assert progress.finished() == 5
        assert progress.describe() == "5 occlusion, 5 transparency"


def test_a_strange_report_is_a_shard_and_no_error(tmp_path):
    dataset = Dataset(str(tmp_path))
    reports = tmp_path / "progress" / "reports"
    reports.mkdir(parents=True)
    (reports / "train-00000.json").write_text("{}")
    progress = ShardProgress(dataset.layout)
    assert (progress.finished(), progress.describe()) == (1, "")
