import doctest
import importlib
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from data_set_contents import comparable, contents, without_work

from data_prep import storage
from data_prep.beam_options import pipeline_options
from data_prep.errors import StorageError, UserError
from data_prep.generate import generate
from data_prep.media.clip import read_clip
from data_prep.mixing.pairing import draw
from data_prep.records import writer
from data_prep.records.dataset import Dataset
from data_prep.records.features import FEATURES
from data_prep.records.info import DatasetInfo
from data_prep.records.record import decode
from data_prep.sample.write import write_sample
from data_prep.sources import examination, kinetics, manifest
from data_prep.sources.assign_splits import assign_splits


@pytest.fixture(scope="module")
def videos(video_folder):
    return examination.examine_all(kinetics.find_videos(str(video_folder)))[0]


def records(output, split):
    files = sorted(map(str, (output / split).glob("*.tfrecord")))
    return list(tf.data.TFRecordDataset(files).as_numpy_iterator())


def test_records_hold_what_was_drawn(videos, config, tmp_path):
    info = generate(videos, str(tmp_path / "out"), config)
    split_videos = assign_splits(videos, config)
    sources = {}
    for split, count in (("train", 6), ("eval", 4)):
        drawn = draw(split_videos, split, count, config)
        got = [decode(record, config.clip) for record in records(tmp_path / "out", split)]
        assert [v["mixture_id"] for v in got] == [f"{split}-{i:08d}" for i in range(count)]
        sources[split] = {v[f"v{n}_source"] for v in got for n in (1, 2)}
        for values, pairing in zip(got, drawn, strict=True):
            window = pairing.v2
            clip = read_clip(
                window.video.path,
                config.clip,
                start=window.start,
                crop=(window.top, window.left),
            )
            np.testing.assert_array_equal(values["audio2"], clip.audio / np.float32(2**15))
            error = values["v2"].astype(float) - clip.frames
            assert np.sqrt(np.mean(error**2)) < 4
            occlusion = values["mixture_type"] == "occlusion"
            assert set(np.unique(values["alpha"])) == ({0.0, 1.0} if occlusion else {0.5})
        assert info.splits[split].mixtures == count
    assert not sources["train"] & sources["eval"]
    assert info.splits["train"].mixture_types == {"transparency": 3, "occlusion": 3}


def test_output_is_complete_and_described(videos, config, tmp_path):
    output = tmp_path / "out"
    rejection = kinetics.Rejection("/elsewhere/a.mp4", "empty file")
    info = generate(videos, str(output), config, rejections=[rejection], absent=5)
    assert sorted(contents(output)) == [
        "COMPLETED",
        "eval/mixtures-00000-of-00002.tfrecord",
        "eval/mixtures-00001-of-00002.tfrecord",
        "info.json",
        "manifest.csv",
        *(f"progress/reports/{shard}.json" for shard in ("eval-00000", "eval-00001")),
        *(f"progress/reports/train-0000{i}.json" for i in range(3)),
        "rejected.csv",
        "settings.json",
        *(f"train/mixtures-0000{i}-of-00003.tfrecord" for i in range(3)),
    ]
    assert DatasetInfo.read(str(output / "info.json")) == info
    assert info.settings == config
    assert info.features.keys() == FEATURES.keys()
    assert (info.annotated_but_absent, info.files_not_used) == (5, 1)
    assert (output / "rejected.csv").read_text() == "path,reason\n/elsewhere/a.mp4,empty file\n"
    assert manifest.read(str(output / "manifest.csv")) == assign_splits(videos, config)


@pytest.mark.slow
def test_two_worker_processes_and_other_shards_give_the_same_records(videos, config, tmp_path):
    generate(videos, str(tmp_path / "one"), config)
    generate(videos, str(tmp_path / "two"), config, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    wider = config.model_copy(update={"records_per_shard": 5})
    generate(videos, str(tmp_path / "wide"), wider)
    for split in ("train", "eval"):
        assert records(tmp_path / "one", split) == records(tmp_path / "wide", split)


def test_a_complete_data_set_is_kept_and_other_settings_are_refused(videos, config, tmp_path):
    output = tmp_path / "out"
    generate(videos, str(output), config)
    marker = (output / "COMPLETED").stat().st_mtime_ns
    generate(videos, str(output), config)
    assert (output / "COMPLETED").stat().st_mtime_ns == marker
    before = contents(output)
    other = config.model_copy(update={"seed": 1})
    with pytest.raises(UserError, match="other videos or settings"):
        generate(videos, str(output), other)
    assert contents(output) == before
    generate(videos, str(output), other, overwrite=True)
    assert records(output, "train") != []
    assert DatasetInfo.read(str(output / "info.json")).settings.seed == 1


def test_an_empty_folder_is_kept_even_behind_a_link(videos, config, tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to("real")
    inode = real.stat().st_ino
    for overwrite in (False, True):
        generate(videos, str(link), config, overwrite=overwrite)
        assert link.is_symlink()
        assert real.stat().st_ino == inode
        assert (real / "COMPLETED").exists()


def test_a_run_says_that_it_resumes_only_if_it_does(videos, config, tmp_path, monkeypatch):
    output, lines = str(tmp_path / "out"), []

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="stopped"):
        patch.setattr(writer, "summarize_outcomes", stop)
        generate(videos, output, config, report=lines.append)
    other = config.model_copy(update={"seed": 1})
    with pytest.raises(UserError, match="other videos or settings"):
        generate(videos, output, other, report=lines.append)
    assert lines == []
    generate(videos, output, config, report=lines.append)
    assert lines == ["resuming: 5 of 5 shards are finished"]
    generate(videos, output, config, report=lines.append)
    generate(videos, output, config, report=lines.append, overwrite=True)
    assert len(lines) == 1


def test_a_removal_that_was_killed_can_be_done_again(videos, config, tmp_path, monkeypatch):
    output = str(tmp_path / "out")
    generate(videos, output, config)
    other = config.model_copy(update={"seed": 1})
    remove = storage.remove

    def die(uri):
        if uri.endswith("rejected.csv"):
            raise StorageError(uri, "killed")
        remove(uri)

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="killed"):
        patch.setattr(storage, "remove", die)
        generate(videos, output, other, overwrite=True)
    generate(videos, output, other, overwrite=True)
    assert DatasetInfo.read(f"{output}/info.json").settings.seed == 1


def test_a_folder_of_something_else_is_left_alone(videos, config, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="must be a new or empty folder"):
            generate(videos, str(tmp_path), config, overwrite=overwrite)
    assert contents(tmp_path) == {"thesis.tex": b"x"}


def stop(*_, **__):
    raise StorageError("output", "stopped")


def test_a_second_run_on_a_folder_is_refused_and_touches_nothing(videos, config, tmp_path):
    output = tmp_path / "out"
    with storage.lease(str(output)):
        before = contents(output)
        for overwrite in (False, True):
            with pytest.raises(UserError, match="must have one writer at a time"):
                generate(videos, str(output), config, overwrite=overwrite)
            with pytest.raises(UserError, match="must have one writer at a time"):
                check(output, config, overwrite=overwrite)
        assert contents(output) == before
    generate(videos, str(output), config)
    with storage.lease(str(output)):  # a complete one is only read
        generate(videos, str(output), config)
        check(output, config)
        with pytest.raises(UserError, match="other videos or settings"):
            generate(videos[:5], str(output), config)


def check(output, config, **options):
    with Dataset(str(output)).writing(config, **options):
        pass


def test_a_writer_is_the_only_one_from_the_check_to_the_end(videos, config, tmp_path):
    output = str(tmp_path / "out")
    with Dataset(output).writing(config) as require_held:
        with pytest.raises(UserError, match="must have one writer at a time"):
            generate(videos, output, config)
        generate(videos, output, config, require_held=require_held)
    assert Dataset(output).is_complete


def test_lost_records_of_a_complete_data_set_are_made_again(videos, config, tmp_path, monkeypatch):
    output, lines, made = tmp_path / "out", [], []
    info = generate(videos, str(output), config)
    assert {output / name: size for name, size in info.shards.items()} == {
        path: path.stat().st_size for path in output.rglob("*.tfrecord")
    }
    whole = contents(output)
    (output / "train/mixtures-00001-of-00003.tfrecord").unlink()
    (output / "eval/mixtures-00000-of-00002.tfrecord").write_bytes(b"")
    make_record = writer.make_record
    monkeypatch.setattr(writer, "make_record", lambda *a: made.append(1) or make_record(*a))
    again = generate(videos, str(output), config, report=lines.append)
    assert without_work(again) == without_work(info)
    assert (lines, len(made)) == (["resuming: 3 of 5 shards are finished"], 4)
    assert contents(output) == whole
    (output / "info.json").unlink()
    assert generate(videos, str(output), config) == again
    assert len(made) == 4


def test_an_interrupted_replacement_is_resumed(videos, config, tmp_path, monkeypatch):
    output, lines = str(tmp_path / "out"), []
    generate(videos, output, config.model_copy(update={"seed": 1}))
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="stopped"):
        patch.setattr(writer, "summarize_outcomes", stop)
        generate(videos, output, config, overwrite=True)
    generate(videos, output, config, overwrite=True, report=lines.append)
    assert lines == ["resuming: 5 of 5 shards are finished"]
    generate(videos, str(tmp_path / "clean"), config)
    assert contents(tmp_path / "out") == contents(tmp_path / "clean")


def test_an_output_is_checked_before_any_video_is_opened(videos, config, tmp_path):
    output = tmp_path / "out"
    for _ in range(2):
        check(output, config)
        assert not output.exists()
        generate(videos, str(output), config)
        other = config.model_copy(update={"seed": 1})
        with pytest.raises(UserError, match="other videos or settings"):
            check(output, other)
        check(output, other, overwrite=True)
        check(output, config.model_copy(update={"max_dropped_share": 1.0}))
        storage.remove_tree(str(output))
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/below"):
        with pytest.raises(UserError, match=r"file.*(must be a folder|Not a directory)"):
            check(tmp_path / place, config)
    with pytest.raises(UserError, match="must be a new or empty folder"):
        check(tmp_path, config)


def test_too_few_videos_leave_nothing(make_row, config, tmp_path):
    rows = [make_row("a"), make_row("b", duration=0.1)]
    with pytest.raises(UserError, match="at least 2 usable source videos"):
        generate(rows, str(tmp_path / "out"), config)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_remote_data_sets_are_the_same_and_resumed(videos, config, tmp_path, memory, monkeypatch):
    """Videos, records and reports are all in a remote store; the run fails half way."""
    for video in videos:
        storage.copy(video.path, f"{memory}/videos/{video.id}")
    remote = [replace(video, path=f"{memory}/videos/{video.id}") for video in videos]
    output = f"{memory}/data"

    def fail_at(pairing, config, meter):
        if pairing.mixture_id == "train-00000004":
            raise StorageError(output, "connection lost")
        return make_record(pairing, config, meter)

    make_record = writer.make_record
    monkeypatch.setattr(writer, "make_record", fail_at)
    with pytest.raises(StorageError, match="connection lost"):
        generate(remote, output, config)
    finished = storage.list_files(f"{output}/progress/reports", ".json")
    assert finished
    assert not storage.exists(f"{output}/COMPLETED")
    made = []
    monkeypatch.setattr(writer, "make_record", lambda *a: made.append(1) or make_record(*a))
    info = generate(remote, output, config)
    assert len(made) == 10 - 2 * len(finished)
    local = generate(videos, str(tmp_path / "local"), config)
    assert without_work(info) == without_work(local)
    names = {uri.removeprefix(output + "/") for uri in storage.list_files(output)}
    assert names == contents(tmp_path / "local").keys()
    for name in names - {"manifest.csv"}:
        data = comparable(name, storage.read_bytes(f"{output}/{name}"))
        assert data == contents(tmp_path / "local")[name]
    assert generate(remote, output, config) == info
    with pytest.raises(UserError, match="other videos or settings"):
        generate(remote, output, config.model_copy(update={"seed": 1}))
    other = config.model_copy(update={"seed": 1})
    assert generate(remote, output, other, overwrite=True).settings.seed == 1


def test_three_mixture_types(videos, config, tmp_path):
    shares = {"transparency": 0.5, "occlusion": 0.25, "reflection": 0.25}
    config = config.model_copy(update={"train_mixtures": 8, "shares": shares})
    info = generate(videos, str(tmp_path / "out"), config)
    assert info.splits["train"].mixture_types == {
        "transparency": 4, "occlusion": 2, "reflection": 2,
    }  # fmt: skip
    for serialized in records(tmp_path / "out", "train"):
        values = decode(serialized, config.clip)
        if values["mixture_type"] == "reflection":
            [share] = np.unique(values["alpha"])
            assert 0.59 < (share if values["front"] == 1 else 1 - share) < 0.76
            assert values["v2"].std() > 5


def test_the_example_of_the_documentation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sample("sample", clips=10, classes=2)
    results = doctest.testmod(importlib.import_module("data_prep.generate"), verbose=False)
    assert results.attempted > 5
    assert results.failed == 0


def test_option_that_beam_does_not_know():
    with pytest.raises(UserError, match="--train_mixture: "):
        pipeline_options(["--train_mixture", "3"])
    options = pipeline_options(["--direct_num_workers", "3"]).get_all_options()
    assert (options["runner"], options["direct_num_workers"]) == ("DirectRunner", 3)
