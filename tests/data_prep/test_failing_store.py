"""An object store that fails at any one operation, or for ever after one, as if it were killed."""

from contextlib import suppress

import pytest
from failing_store import ROOT, FailingStore, contents, failing_store, fill
from in_turn import make_shards_in_turn

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.generate import generate
from data_prep.records import writer
from data_prep.records.info import DatasetInfo
from data_prep.sample import write as sample
from data_prep.sources import examination, kinetics

OUT = f"{ROOT}/out"
FAULTS = ("fail_at", "die_at")


def try_everywhere(before, work, check):
    """Break `work` at every operation, check what is left, and let it run again.

    Args:
        before: files of the store before each run.
        work: what is done; it must be repeatable.
        check: called with the files of an undisturbed run, after each failure.

    Returns:
        The number of cases.
    """
    fill(before)
    with failing_store() as calls:
        work()
        count = len(calls)
    whole = contents()
    for fault in FAULTS:
        for k in range(count):
            fill(before)
            with failing_store(**{fault: k}):
                try:
                    work()
                except StorageError as error:
                    assert "connection lost" in str(error), (fault, k)
                else:
                    assert contents() == whole, (fault, k)
            with failing_store():
                check(whole)
                work()
                assert contents() == whole, (fault, k)
    return 2 * count


def test_move_loses_nothing():
    before = {"/bucket/a/1": b"1", "/bucket/a/2": b"2", "/bucket/b/old": b"old"}
    moved = {"/bucket/b/1": b"1", "/bucket/b/2": b"2"}
    fill(before)
    with failing_store() as calls:
        storage.move(f"{ROOT}/a", f"{ROOT}/b")
        count = len(calls)
    assert contents() == moved
    assert count > 8
    for fault in FAULTS:
        for k in range(count):
            fill(before)
            with failing_store(**{fault: k}), suppress(StorageError):
                storage.move(f"{ROOT}/a", f"{ROOT}/b")
            values = {data for name, data in contents().items() if not name.endswith("old")}
            assert values == {b"1", b"2"}, (fault, k)
            if "/bucket/a/1" in contents() and "/bucket/a/2" in contents():
                with failing_store():
                    storage.move(f"{ROOT}/a", f"{ROOT}/b")
                assert contents() == moved


def test_a_folder_that_cannot_be_listed_is_not_empty():
    """fsspec's own `find` takes it for empty; a move would then remove what it has not copied."""
    fill({"/bucket/a/1": b"1"})
    for work in (storage.list_files, storage.remove_tree, storage.is_empty):
        with failing_store(die_at=0), pytest.raises(StorageError, match="connection lost"):
            work(f"{ROOT}/a")
    assert contents() == {"/bucket/a/1": b"1"}


def test_a_sample_is_complete_or_has_no_settings(monkeypatch):
    monkeypatch.setattr(sample, "_WORKERS", 1)
    monkeypatch.setattr(sample, "render", lambda scene, seed: RENDERED)

    def write_video(uri, *_, **__):
        storage.write_bytes(uri, uri.encode())

    monkeypatch.setattr(sample, "write_video", write_video)

    def check(whole):
        if "/bucket/out/sample.json" in contents():
            assert contents().items() >= whole.items()

    cases = try_everywhere({}, lambda: sample.write_sample(OUT, clips=4, classes=2), check)
    assert cases > 20
    assert not [name for name in contents() if "unfinished" in name]


RENDERED = sample.render(sample.scene_classes(2)[0], (0,))


def test_a_folder_of_somebody_else_survives():
    fill({"/bucket/out/mine": b"mine"})
    with failing_store(), pytest.raises(UserError, match="must be a new or empty folder"):
        sample.write_sample(OUT, clips=4, classes=2)
    assert contents() == {"/bucket/out/mine": b"mine"}


@pytest.fixture(scope="module")
def videos(video_folder):
    return examination.examine_all(kinetics.find_videos(str(video_folder)))[0]


@pytest.mark.slow
def test_a_data_set_is_replaced_whole_or_unfinished(videos, config, monkeypatch):
    make_shards_in_turn(monkeypatch)
    config = config.model_copy(update={"train_mixtures": 3, "eval_mixtures": 1})
    made = {}

    def make_record(pairing, settings, meter):
        key = (pairing.seed, pairing.mixture_id)
        made[key] = made.get(key) or original(pairing, settings, meter)
        return made[key]

    original = writer.make_record
    monkeypatch.setattr(writer, "make_record", make_record)
    fill({})
    with failing_store():
        generate(videos, OUT, config.model_copy(update={"seed": 9}))
    before = contents()

    def check(whole):
        if "/bucket/out/COMPLETED" in contents():
            found = contents().items()
            assert found >= before.items() or found >= whole.items()

    cases = try_everywhere(before, lambda: generate(videos, OUT, config, overwrite=True), check)
    assert cases > 60
    assert "/bucket/out/COMPLETED" in contents()
    with failing_store():
        assert DatasetInfo.read(f"{OUT}/info.json").splits["train"].mixtures == 3


def test_an_unreachable_store_is_no_occupied_folder(videos, config):
    fill({})
    with failing_store(die_at=0):
        for work in (
            lambda: generate(videos, OUT, config),
            lambda: sample.write_sample(OUT, clips=4, classes=2),
        ):
            with pytest.raises(StorageError, match="connection lost"):
                work()
    assert FailingStore.store == {}
