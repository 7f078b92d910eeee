"""Mixtures, reports and records that are lost: each has an outcome, or there is no data set."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from data_set_contents import contents, without_work

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.generate import generate
from data_prep.records import writer
from data_prep.sources import examination, kinetics


@pytest.fixture(scope="module")
def videos(video_folder):
    return examination.examine_all(kinetics.find_videos(str(video_folder)))[0]


@pytest.mark.parametrize("is_new", [False, True])
def test_nothing_readable_is_an_error_that_leaves_nothing(junk_rows, config, tmp_path, is_new):
    output = tmp_path / "out"
    if not is_new:
        output.mkdir()
    with pytest.raises(UserError, match=r"no mixture could be made: .*mp4"):
        generate(junk_rows, str(output), config)
    assert output.exists() != is_new
    assert list(output.glob("*")) == []


def break_contents(path):
    """Overwrite a video with text of the same length; return what it held."""
    data = Path(path).read_bytes()
    Path(path).write_bytes(b"x" * len(data))
    return data


@pytest.fixture
def own_videos(make_video, tmp_path):
    """Six videos that a test may damage, two of them in the eval split."""
    for seed in range(6):
        make_video(tmp_path / f"videos/{seed}.mp4", seed=seed)
    rows, _ = examination.examine_all(kinetics.find_videos(str(tmp_path / "videos")))
    return [replace(row, split="eval" if i < 2 else "train") for i, row in enumerate(rows)]


def test_a_video_that_breaks_later_costs_only_its_mixtures(own_videos, config, tmp_path):
    broken = own_videos[2].path
    break_contents(broken)
    config = config.model_copy(update={"train_mixtures": 12, "max_dropped_share": 0.9})
    info = generate(own_videos, str(tmp_path / "out"), config)
    dropped = info.splits["train"].dropped
    assert {item.path for item in dropped} == {broken}
    assert info.splits["train"].mixtures == 12 - len(dropped) > 0
    lines = (tmp_path / "out/rejected.csv").read_text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"{broken},")
    assert len(lines[1]) > len(broken) + 10
    with pytest.raises(UserError, match="must lose at most"):
        generate(
            own_videos,
            str(tmp_path / "out"),
            config.model_copy(update={"max_dropped_share": 0.05}),
        )


@pytest.mark.slow
def test_too_many_losses_are_an_error_and_what_was_made_is_reused(
    own_videos, config, tmp_path, monkeypatch
):
    output = tmp_path / "out"
    broken = own_videos[2].path
    whole = break_contents(broken)
    config = config.model_copy(update={"train_mixtures": 12})
    with pytest.raises(UserError) as caught:
        generate(own_videos, str(output), config)
    assert re.fullmatch(
        r"train split: must lose at most 0\.05 of its mixtures \(max_dropped_share\), got "
        rf"0\.\d+ \((\d+) of 12\): {re.escape(broken)}: [^;]*",
        str(caught.value),
    )
    assert not (output / "COMPLETED").exists()

    Path(broken).write_bytes(whole)  # repaired: only the shards that lost something are made
    clean = generate(own_videos, str(tmp_path / "clean"), config)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.tfrecord")}
    assert without_work(generate(own_videos, str(output), config)) == without_work(clean)
    assert contents(output) == contents(tmp_path / "clean")
    remade = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert 0 < len(remade) < len(before)


def test_a_higher_limit_reuses_all_shards(own_videos, config, tmp_path, monkeypatch):
    break_contents(own_videos[2].path)
    output = str(tmp_path / "out")
    with pytest.raises(UserError, match="max_dropped_share"):
        generate(own_videos, output, config)
    wider = config.model_copy(update={"max_dropped_share": 0.9})
    monkeypatch.setattr(writer, "_make", None)
    info = generate(own_videos, output, wider)
    assert 0 < info.splits["train"].mixtures < 6
    assert info.settings.max_dropped_share == 0.9


def test_one_unreadable_split_keeps_the_shards_of_the_other(own_videos, config, tmp_path):
    for row in own_videos[:2]:
        break_contents(row.path)
    output = tmp_path / "out"
    with pytest.raises(UserError, match=r"eval split: must lose at most .*\(4 of 4\)"):
        generate(own_videos, str(output), config)
    assert len(list((output / "train").glob("*.tfrecord"))) == 3
    lines = []
    with pytest.raises(UserError, match="eval split"):
        generate(own_videos, str(output), config, report=lines.append)
    assert lines == ["resuming: 5 of 5 shards are finished"]


@pytest.mark.parametrize("damage", ["removed", "cut", "report removed", "report of others"])
def test_records_that_their_reports_do_not_describe_are_made_again(
    videos, config, tmp_path, monkeypatch, damage
):
    output = tmp_path / "out"
    whole = generate(videos, str(tmp_path / "whole"), config)
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="stopped"):
        patch.setattr(writer, "summarize_outcomes", stop)
        generate(videos, str(output), config)
    records = output / "train/mixtures-00001-of-00003.tfrecord"
    report = output / "progress/reports/train-00001.json"
    if damage == "removed":
        records.unlink()
    elif damage == "cut":
        os.truncate(records, 100)
    elif damage == "report removed":
        report.unlink()
    else:
        report.write_bytes((output / "progress/reports/train-00000.json").read_bytes())
    assert without_work(generate(videos, str(output), config)) == without_work(whole)
    assert contents(output) == contents(tmp_path / "whole")


@pytest.mark.parametrize("damage", ["records", "report"])
def test_what_is_lost_while_a_run_goes_on_leaves_no_marker(
    videos, config, tmp_path, monkeypatch, damage
):
    output = tmp_path / "out"
    find = writer.find_reports

    def lose(shards, layout, fingerprint):
        storage.remove(getattr(layout, damage)(shards[1]))
        return find(shards, layout, fingerprint)

    with monkeypatch.context() as patch, pytest.raises(UserError, match="-00001"):
        patch.setattr(writer, "find_reports", lose)
        generate(videos, str(output), config)
    assert not (output / "COMPLETED").exists()
    generate(videos, str(output), config)
    generate(videos, str(tmp_path / "whole"), config)
    assert contents(output) == contents(tmp_path / "whole")


def stop(*_, **__):
    raise StorageError("output", "stopped")
