from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest

from data_prep import storage
from data_prep.beam_options import pipeline_options
from data_prep.config import DataConfig
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES, MixtureType
from data_prep.mixing.pairing import draw
from data_prep.mixing.planning import plan
from data_prep.records import writer
from data_prep.records.layout import RecordLayout, lay_out
from data_prep.records.outcomes import NothingMadeError, ShardReport, find_report
from data_prep.records.record import decode
from data_prep.records.writer import Job, make_record, write_records
from data_prep.sources import examination, kinetics, manifest
from data_prep.sources.assign_splits import assign_splits
from data_prep.sources.kinetics import Rejection


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def videos(video_folder):
    return examination.examine_all(kinetics.find_videos(str(video_folder)))[0]


@pytest.fixture
def layout(tmp_path):
    """A layout whose reports lie beside the folders of the records, as in the pipeline."""
    return RecordLayout(
        unfinished=str(tmp_path / "unfinished"),
        splits={split: str(tmp_path / "out" / f"Split-{split}") for split in ("train", "eval")},
        info=str(tmp_path / "out/info.json"),
        rejected=str(tmp_path / "out/rejected.csv"),
    )


def write(planned, layout, *, require_held=lambda: None, **options):
    pipeline = beam.Pipeline(options=pipeline_options())
    return write_records(planned, layout, pipeline, require_held=require_held, **options)


def test_records_reports_and_account(videos, config, layout, tmp_path):
    info = write(plan(videos, config), layout, rejections=[Rejection("b", "x")], absent=3)
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert files == [
        "out/Split-eval/mixtures-00000-of-00002.tfrecord",
        "out/Split-eval/mixtures-00001-of-00002.tfrecord",
        *(f"out/Split-train/mixtures-0000{i}-of-00003.tfrecord" for i in range(3)),
        "out/info.json",
        "out/rejected.csv",
        *(f"unfinished/reports/eval-0000{i}.json" for i in range(2)),
        *(f"unfinished/reports/train-0000{i}.json" for i in range(3)),
    ]
    assert (info.annotated_but_absent, info.files_not_used) == (3, 1)
    assert manifest.read_rejected(layout.rejected) == [Rejection("b", "x")]


def test_finished_shards_outlive_an_interruption(videos, config, layout, monkeypatch):
    planned = plan(videos, config)
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "summarize_outcomes", lambda *args, **kwargs: stop())
        write(planned, layout)
    monkeypatch.setattr(writer, "make_record", lambda *args: stop())
    assert write(planned, layout).splits["train"].mixtures == 6


def stop():
    raise StoppedError


def test_a_report_vouches_for_no_records_of_another_seed(videos, config, layout, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "summarize_outcomes", lambda *args, **kwargs: stop())
        write(plan(videos, config), layout)
    for seed in (config.seed, config.seed + 1):
        planned = plan(videos, config.model_copy(update={"seed": seed}))
        shard = next(lay_out(planned.config))
        report = find_report(shard, layout, planned.fingerprint)
        assert (report is not None) == (seed == config.seed)


@pytest.mark.parametrize("checks", [0, 1])
def test_a_writer_that_lost_its_folder_completes_nothing(videos, config, layout, tmp_path, checks):
    layout = replace(layout, marker=str(tmp_path / "out" / "COMPLETED"))
    held = iter([True] * checks)

    def require_held():
        if not next(held, False):
            raise UserError("out: must have one writer at a time")

    with pytest.raises(UserError, match="must have one writer"):
        write(plan(videos, config), layout, require_held=require_held)
    assert not Path(layout.marker).exists()


def test_a_shard_without_its_report_is_made_again(videos, config, layout):
    planned = plan(videos, config)
    records = layout.records(next(lay_out(config)))
    storage.write_text(records, "half")
    write(planned, layout)
    assert len(storage.read_bytes(records)) > 1_000


def test_nothing_made_is_an_error(junk_rows, config, layout):
    with pytest.raises(NothingMadeError, match=r"no mixture could be made: .*mp4: .*; \.\.\.$"):
        write(plan(junk_rows, config), layout)


def test_outcomes_of_mixtures(videos, config, junk_rows):
    rows = assign_splits(videos, config)
    _, outcome = make_record(draw(rows, "eval", 1, config)[0], config)
    assert (outcome.mixture_id, outcome.with_audio, outcome.reason) == ("eval-00000000", True, "")
    junk = [replace(row, split="eval") for row in junk_rows]
    record, outcome = make_record(draw(junk, "eval", 1, config)[0], config)
    assert record is None
    assert outcome.path in {row.path for row in junk}
    assert outcome.reason


@pytest.mark.parametrize("folder", ["/gone", "memory://gone"])
def test_a_missing_video_is_an_error_and_not_an_outcome(make_row, config, folder, memory):
    gone = [make_row(f"g{i}", split="eval", path=f"{folder}/{i}.mp4") for i in range(2)]
    with pytest.raises(StorageMissingError, match=r"gone/\d\.mp4: [Nn]o such file or"):
        make_record(draw(gone, "eval", 1, config)[0], config)


def test_a_video_that_has_changed_is_an_error(make_row, config, tmp_path):
    (tmp_path / "a.mp4").write_text("shorter")
    row = make_row("a", split="eval", path=str(tmp_path / "a.mp4"))
    pairing = draw([row, replace(row, source="b")], "eval", 1, config)[0]
    with pytest.raises(StorageError, match=r"a\.mp4: must be as it was indexed.* 1000 .* got 7;"):
        make_record(pairing, config)


def test_has_sound_means_audible(videos, config):
    pairing = draw(assign_splits(videos, config), "eval", 1, config)[0]
    for threshold, audible in ((-60.0, True), (0.0, False)):
        record, outcome = make_record(
            pairing, config.model_copy(update={"min_loudness": threshold})
        )
        assert outcome.with_audio == audible
        assert decode(record, config.clip)["v1_has_sound"] == audible


def test_reports_are_typed(tmp_path):
    (tmp_path / "r.json").write_text('{"fingerprint": "", "dropped": [{"path": "a"}]}')
    with pytest.raises(ValueError, match=r"r\.json: start: missing key"):
        ShardReport.read(str(tmp_path / "r.json"))


def test_a_toy_type_is_made_like_any_other(videos, clip, monkeypatch, tmp_path, layout):
    """The clip in front on the left and the other one, inverted, on the right."""

    def left(front, rng, settings):
        return np.broadcast_to(np.arange(front.shape[2]) < front.shape[2] // 2, front.shape[:3])

    def inverted(back, rng, settings):
        return 255 - back

    toy = MixtureType("toy", "toys", alpha=left, has_front=True, alter_back=inverted)
    monkeypatch.setitem(MIXTURE_TYPES, "toy", toy)
    config = DataConfig(
        clip=clip, train_mixtures=4, eval_mixtures=1, eval_fraction=0.3,
        shares={"transparency": 0.5, "toy": 0.5},
    )  # fmt: skip
    info = write(plan(videos, config), layout)
    assert info.splits["train"].mixture_types == {"transparency": 2, "toy": 2}
    pairing = next(p for p in plan(videos, config).pairings("train") if p.mixture_type == "toy")
    values = decode(make_record(pairing, config)[0], clip)
    plain = decode(make_record(replace_type(pairing, "transparency"), config)[0], clip)
    front, back = ("v1", "v2") if values["front"] == 1 else ("v2", "v1")
    assert np.abs(values[back].astype(int) - (255 - plain[back].astype(int))).mean() < 3
    np.testing.assert_array_equal(values[front], plain[front])
    assert values["alpha"][0, 0, 0, 0] == (front == "v1")
    assert values["alpha"][0, 0, -1, 0] == (front == "v2")
    assert Path(layout.info).is_file()


def replace_type(pairing, name):
    return replace(pairing, mixture_type=name)


def test_a_full_disk_is_a_storage_error_and_not_tried_again(videos, config, layout, monkeypatch):
    """The device /dev/full stands for the disk."""
    planned, shard, made = plan(videos, config), next(lay_out(config)), []

    def write(draft, *arguments):
        made.append(draft)
        draft.symlink_to("/dev/full")
        return original(draft, *arguments)

    original = writer._write
    monkeypatch.setattr(writer, "_write", write)
    job = Job(layout, config, planned.fingerprint)
    with pytest.raises(StorageError, match=r"mixtures-.*tfrecord.*: .*No space left on device"):
        writer._make(shard, planned, job)
    assert len(made) == 1
    assert not storage.list_files(layout.reports)
