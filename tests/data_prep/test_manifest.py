import csv
import hashlib

import pytest
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.sources import manifest
from data_prep.sources.kinetics import Rejection, find_videos


def splits_of(videos):
    return {video.source: video.split for video in videos}


def test_build_describes_videos_and_says_why_files_are_not_used(tmp_path, make_video):
    first = make_video(tmp_path / "a.mp4", seed=0)
    make_video(tmp_path / "silent.mp4", seed=1, sound=False)
    (tmp_path / "copy.mp4").write_bytes(first.read_bytes())
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    videos, rejections = manifest.build(find_videos(tmp_path))
    assert [video.id for video in videos] == ["a.mp4", "silent.mp4"]
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert (videos[0].sha256, videos[0].source) == (digest, digest[:16])
    assert videos[0].bytes == first.stat().st_size
    assert (videos[0].width, videos[0].height) == (64, 48)
    assert videos[0].duration == pytest.approx(2.0, abs=0.07)
    assert [video.has_sound for video in videos] == [True, False]
    reasons = {r.path.rsplit("/", 1)[1]: r.reason for r in rejections}
    assert reasons.keys() == {"copy.mp4", "empty.mp4", "text.mp4"}
    assert reasons["copy.mp4"] == f"the same file as {first}"
    assert reasons["empty.mp4"] == "empty file"
    assert reasons["text.mp4"]


def test_manifest_reads_back_what_was_written(tmp_path, make_row):
    videos = [make_row("a", label='x, "y"', duration=1 / 3), make_row("b", has_sound=False)]
    path = tmp_path / "new" / "manifest.csv"
    manifest.write(path, videos)
    assert manifest.read(path) == videos
    assert [item.name for item in path.parent.iterdir()] == ["manifest.csv"]


def test_videos_that_lie_elsewhere_for_who_reads_the_manifest(tmp_path, make_row):
    videos = [make_row("a", path=str(tmp_path / "one" / "a b.mp4"), label="x")]
    [video] = manifest.moved(videos, tmp_path, "gs://bucket/videos/")
    assert video == make_row("a", path="gs://bucket/videos/one/a b.mp4", label="x")


def test_rejected_is_a_table_of_path_and_reason(tmp_path):
    manifest.write_rejected(tmp_path / "r.csv", [Rejection("a,b.mp4", "no, it is not")])
    with (tmp_path / "r.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["path", "reason"], ["a,b.mp4", "no, it is not"]]
    assert manifest.read_rejected(tmp_path / "r.csv") == [Rejection("a,b.mp4", "no, it is not")]
    assert manifest.read_rejected(tmp_path / "none.csv") == []
    (tmp_path / "r.csv").write_text("file,why\na,b\n")
    with pytest.raises(UserError, match=r"r\.csv: must be a CSV with the columns path and reason"):
        manifest.read_rejected(tmp_path / "r.csv")


class ElsewhereRunner(PipelineRunner):
    """A runner whose workers write to other machines' folders."""

    def run_pipeline(self, pipeline, options):
        return PipelineResult(PipelineState.DONE)


def test_results_that_stay_on_other_machines_are_told(tmp_path, make_video):
    make_video(tmp_path / "a.mp4", seed=0)
    beam_args = ["--runner", f"{__name__}.ElsewhereRunner"]
    with pytest.raises(UserError, match=r"received the results of 0 of 1 files; set TMPDIR"):
        manifest.build(find_videos(tmp_path), beam_args)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sha256", "digest", "lacks the columns sha256"),
        ("10.0", "long", "line 2: duration must be float, received 'long'"),
        ("/videos/a.mp4,a,a,,,", "/videos/a.mp4,a,a,,test,", "split must be .* received 'test'"),
        ("10.0", "1" * 200_000, "must be a readable CSV: field larger than"),
    ],
)
def test_wrong_manifest(tmp_path, make_row, old, new, message):
    path = tmp_path / "manifest.csv"
    manifest.write(path, [make_row("a", sha256="f" * 64)])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        manifest.read(path)


def test_missing_manifest(tmp_path):
    with pytest.raises(UserError, match=r"no\.csv: a manifest must be"):
        manifest.read(tmp_path / "no.csv")


def test_annotated_splits_are_followed_and_a_source_in_both_is_held_out(make_row):
    rows = [
        make_row("a", split="train"),
        make_row("b", split="eval"),
        make_row("c", id="c1", split="train"),
        make_row("c", id="c2", split="eval"),
        make_row("free"),
    ]
    splits = splits_of(manifest.assign_splits(rows, DataConfig()))
    assert {key: splits[key] for key in "abc"} == {"a": "train", "b": "eval", "c": "eval"}
    assert splits["free"] in ("train", "eval")


def test_hashed_split_keeps_its_share_and_moves_none_when_videos_come(make_row):
    config = DataConfig(eval_fraction=0.2, seed=1)
    rows = [make_row(f"s{i}", split="train") for i in range(1000)]
    all_splits = splits_of(manifest.assign_splits(rows, config))
    share = sum(split == "eval" for split in all_splits.values()) / 1000
    assert share == pytest.approx(0.2, abs=0.04)
    fewer = splits_of(manifest.assign_splits(rows[:300], config))
    assert fewer == {source: all_splits[source] for source in fewer}
    other = splits_of(manifest.assign_splits(rows, DataConfig(eval_fraction=0.2, seed=2)))
    assert other != all_splits


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_few_sources_give_each_split_two(make_row, fraction):
    rows = [make_row(f"s{i}") for i in range(4)]
    splits = splits_of(manifest.assign_splits(rows, DataConfig(eval_fraction=fraction)))
    assert sorted(splits.values()) == ["eval", "eval", "train", "train"]
