"""A data set that `generate` wrote has no problem, and every kind of damage is one."""

import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from data_prep import storage
from data_prep.commands import main
from data_prep.errors import UserError
from data_prep.generate import generate
from data_prep.records import tfrecord
from data_prep.records.example import Example
from data_prep.records.tfrecord import read_records
from data_prep.records.validation import validate
from data_prep.sources import examination, kinetics, manifest

SHARD = "train/mixtures-00001-of-00003.tfrecord"


@pytest.fixture(scope="module")
def whole(video_folder, tmp_path_factory, clip) -> Path:
    """A data set of 6 and 4 mixtures, 2 in a file."""
    from data_prep.config import DataConfig

    config = DataConfig(
        clip=clip, train_mixtures=6, eval_mixtures=4, records_per_shard=2, eval_fraction=0.4
    )
    videos, rejections = examination.examine_all(kinetics.find_videos(str(video_folder)))
    folder = tmp_path_factory.mktemp("whole") / "data"
    generate(videos, str(folder), config, rejections=rejections)
    return folder


@pytest.fixture
def data(whole, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


def records(path: Path) -> list[bytes]:
    return list(read_records(path))


def rewrite(path: Path, change) -> None:
    """Change the list of records of a file, and its size in info.json; all checksums are right."""
    found = records(path)
    change(found)
    with path.open("wb") as file:
        for record in found:
            tfrecord.write_record(file, record)
    info = path.parent.parent / "info.json"
    values = json.loads(info.read_text())
    values["shards"][f"{path.parent.name}/{path.name}"] = path.stat().st_size
    info.write_text(json.dumps(values))


def with_values(record: bytes, **values) -> bytes:
    example = Example.FromString(record)
    for name, value in values.items():
        feature = example.features.feature[name]
        feature.Clear()
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, float):
            feature.float_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    return example.SerializeToString(deterministic=True)


def change_info(data: Path, change) -> None:
    values = json.loads((data / "info.json").read_text())
    change(values)
    (data / "info.json").write_text(json.dumps(values))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_data_set_is_as_it_was_written(whole, workers):
    found = validate(str(whole), workers=workers)
    assert (found.problems, found.mixtures, found.files) == ([], 10, 5)


def test_a_flipped_byte_is_found_anywhere(data):
    path = data / SHARD
    original = path.read_bytes()
    first = 8 + 4 + struct.unpack("<Q", original[:8])[0] + 4
    places = {0: 0, 9: 0, 40: 0, first - 2: 0, first + 3: 1, first + 5_000: 1}
    for place, number in places.items():
        damaged = bytearray(original)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        [problem] = validate(str(data)).problems
        assert problem.startswith(f"{SHARD}: record {number}"), (place, problem)
        assert "must have the checksum of its data" in problem


@pytest.mark.parametrize("cut", [1, 100, 10_000])
def test_a_cut_file(data, cut):
    path = data / SHARD
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - cut)
    first, second = validate(str(data)).problems
    assert first == f"{SHARD}: must have {size} bytes, got {size - cut}"
    assert second.startswith(f"{SHARD}: record ")


def test_a_file_that_ends_between_two_records(data):
    path = data / SHARD
    first = records(path)[0]
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(8 + 4 + len(first) + 4)
    problems = validate(str(data)).problems
    assert problems[0].startswith(f"{SHARD}: must have {size} bytes, got ")
    assert "train: must have the 6 mixtures of info.json, got 5" in problems


def test_missing_files(data):
    (data / SHARD).unlink()
    assert validate(str(data)).problems == [f"{SHARD}: is missing"]
    (data / "COMPLETED").unlink()
    (data / "manifest.csv").unlink()
    assert [problem.split(":")[0] for problem in validate(str(data)).problems] == [
        "COMPLETED",
        "manifest.csv",
        SHARD,
    ]
    (data / "info.json").unlink()
    [problem] = validate(str(data)).problems
    assert problem.startswith("info.json: is missing")


def test_a_file_that_nobody_knows(data):
    shutil.copy(data / SHARD, data / "train/mixtures-00007-of-00009.tfrecord")
    assert validate(str(data)).problems == [
        "train/mixtures-00007-of-00009.tfrecord: is no file of this data set"
    ]


def test_a_foreign_record(data):
    rewrite(data / SHARD, lambda found: found.__setitem__(1, b"no example at all"))
    [problem] = validate(str(data)).problems
    assert problem == f"{SHARD}: record 1: a record must be a serialized tf.train.Example"


def test_a_record_twice_and_another_one_lost(data):
    rewrite(data / SHARD, lambda found: found.__setitem__(1, found[0]))
    problems = validate(str(data)).problems
    assert f"{SHARD}: mixtures: lacks train-00000003" in problems
    assert f"{SHARD}: mixtures: must have once train-00000002" in problems


def test_a_record_too_many(data):
    rewrite(data / SHARD, lambda found: found.append(with_values(found[0], mixture_id=b"x")))
    problems = validate(str(data)).problems
    assert f"{SHARD}: mixtures: must not have x" in problems
    assert "train: must have the 6 mixtures of info.json, got 7" in problems


def test_records_in_another_order(data):
    rewrite(data / SHARD, lambda found: found.reverse())
    assert validate(str(data)).problems == [
        f"{SHARD}: mixtures: must be in the order train-00000002, train-00000003, "
        "got train-00000003, train-00000002"
    ]


def test_files_that_changed_places(data):
    first, last = (data / f"train/mixtures-0000{i}-of-00003.tfrecord" for i in (0, 2))
    moved = records(first)
    rewrite(first, lambda found: found.__setitem__(slice(None), records(last)))
    rewrite(last, lambda found: found.__setitem__(slice(None), moved))
    problems = validate(str(data)).problems
    assert [problem.split(": mixtures: ")[1] for problem in problems] == [
        "lacks train-00000000, train-00000001",
        "must not have train-00000004, train-00000005",
        "lacks train-00000004, train-00000005",
        "must not have train-00000000, train-00000001",
    ]


def test_a_dropped_mixture_has_no_record(data):
    lost = {"mixture_id": "train-00000003", "path": "/videos/a.mp4", "reason": "is gone"}

    def change(info):
        info["splits"]["train"]["dropped"] = [lost]
        info["splits"]["train"]["mixtures"] = 5

    change_info(data, change)
    assert validate(str(data)).problems[0] == f"{SHARD}: mixtures: must not have train-00000003"
    rewrite(data / SHARD, lambda found: found.pop())
    problems = validate(str(data)).problems
    assert all(problem.startswith("train: must have the ") for problem in problems), problems
    assert not any("mixtures of info.json" in problem for problem in problems)


def test_a_list_of_files_that_does_not_fit_the_settings(data):
    def change(info):
        info["shards"]["train/other"] = info["shards"].pop(SHARD)

    change_info(data, change)
    assert validate(str(data)).problems == [
        f"info.json: shards: must have {SHARD}",
        "info.json: shards: must be those of its settings, got train/other",
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": 1.5}, "record breaks the feature contract: seed must hold one int64"),
        ({"more": 1}, "record breaks the feature contract: extra more"),
        ({"v1_frames": b"no image"}, "a clip or a text cannot be decoded: cannot identify image"),
        ({"v1_label": b"\xff"}, "a clip or a text cannot be decoded: 'utf-8' codec can't decode"),
        ({"v2_sound": b"12"}, "audio: must have 4000 samples, got 1"),
    ],
)
def test_a_record_that_cannot_be_read(data, values, words):
    rewrite(data / SHARD, lambda found: found.__setitem__(1, with_values(found[1], **values)))
    [problem] = validate(str(data)).problems
    assert problem.startswith(f"{SHARD}: record 1: {words}")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": 7}, "seed: must be 0, got 7"),
        ({"front": 3}, "front: must be one of [0, 1, 2], got 3"),
        ({"v2_top": 1.5}, "v2_top: must be from 0 to 1, got 1.5"),
        ({"v1_start": -1.0}, "v1_start: must be at least 0, got -1"),
        ({"v1_start": 1.6}, "v1: its window must end by 2.0"),
        ({"mixture_type": b"mirror"}, "mixture_type: must be a known one, got 'mirror'"),
        ({"v2_id": b"elsewhere.mp4"}, "v2: must be a video of train in manifest.csv, got else"),
    ],
)
def test_values_that_cannot_be_right(data, values, words):
    rewrite(data / SHARD, lambda found: found.__setitem__(1, with_values(found[1], **values)))
    problems = validate(str(data)).problems
    assert problems[0].startswith(f"{SHARD}: record 1: {words}")


def test_clips_of_another_shape(data):
    change_info(data, lambda info: info["settings"]["clip"].update(height=24, frames=3))
    first, *problems = validate(str(data)).problems
    assert first == "settings.json: must have the settings of info.json"
    assert len(problems) == 10
    assert all("must be a strip of 72x24, got 64x24" in problem for problem in problems)


def test_a_manifest_that_has_changed(data):
    rows = list(manifest.read(str(data / "manifest.csv")))
    assert validate(str(data)).problems == []
    manifest.write(str(data / "manifest.csv"), [replace(rows[0], label="dog"), *rows[1:]])
    assert validate(str(data)).problems == [
        "settings.json: must have the fingerprint of manifest.csv, which has changed"
    ]
    (data / "manifest.csv").write_text("path,id\n")
    (data / "settings.json").unlink()
    [problem] = validate(str(data)).problems
    assert problem.startswith("manifest.csv: a manifest must have the columns path, id, source")


def test_settings_that_cannot_be_read(data):
    (data / "settings.json").write_text("{")
    [problem] = validate(str(data)).problems
    assert problem.startswith("settings.json: must be JSON: ")
    (data / "settings.json").unlink()
    assert validate(str(data)).problems == ["settings.json: is missing"]


def test_a_source_in_both_splits(data):
    rows = list(manifest.read(str(data / "manifest.csv")))
    of_train = next(row for row in rows if row.split == "train")
    copied = replace(of_train, split="eval", path="/videos/other.mp4", id="other")
    manifest.write(str(data / "manifest.csv"), [*rows, copied])
    problems = validate(str(data)).problems
    assert (
        f"manifest.csv: a source must be in one split, got 1 in train and eval: {of_train.source}"
    ) in problems
    assert any(p.startswith("manifest.csv: eval: must have the") for p in problems)


def test_a_source_in_both_splits_of_the_records(data):
    source = Example.FromString(records(data / SHARD)[0]).features.feature["v1_source"]
    [source] = source.bytes_list.value
    path = data / "eval/mixtures-00000-of-00002.tfrecord"
    rewrite(path, lambda found: found.__setitem__(0, with_values(found[0], v1_source=source)))
    problems = validate(str(data)).problems
    assert problems[0].startswith("eval/mixtures-00000-of-00002.tfrecord: record 0: v1: must be a")
    assert problems[1] == (
        f"records: a source must be in one split, got 1 in train and eval: {source.decode()}"
    )


def test_counts_that_do_not_fit(data):
    def change(info):
        info["splits"]["train"]["mixture_types"] = {"occlusion": 1, "reflection": 5}
        info["splits"]["eval"]["with_audio"] += 1
        info["splits"]["eval"]["mixtures"] -= 1
        info["features"]["more"] = "string"

    change_info(data, change)
    problems = validate(str(data)).problems
    assert problems[0] == "info.json: features: must be those of this version's records"
    for words in (
        "train: must have the 5 mixtures of the type reflection of info.json, got 0",
        "train: must have the 0 mixtures of the type transparency of info.json, got 3",
        "eval: must have the 3 mixtures of info.json, got 4",
        "info.json: eval: must have the 4 mixtures of its settings, got 3 and 0 dropped",
    ):
        assert words in problems
    assert any(p.startswith("eval: must have the") and "with audio" in p for p in problems)


@pytest.mark.parametrize("text", ["", "{}", "[", '{"splits": 3}'])
def test_facts_that_cannot_be_read_are_the_only_problem(data, text):
    (data / "info.json").write_text(text)
    [problem] = validate(str(data)).problems
    assert problem.startswith("info.json: ")


def test_an_artifact_of_the_pipeline_has_no_manifest(data):
    for split in ("train", "eval"):
        (data / split).rename(data / f"Split-{split}")
    for name in ("COMPLETED", "manifest.csv", "settings.json"):
        (data / name).unlink()
    assert validate(str(data)).problems == []
    (data / f"Split-{SHARD}").unlink()
    assert validate(str(data)).problems == [f"{SHARD}: is missing"]


def test_a_remote_data_set_is_validated_alike(data, memory):
    storage.copy_tree(str(data), f"{memory}/data")
    assert validate(f"{memory}/data").problems == []
    storage.remove(f"{memory}/data/{SHARD}")
    assert validate(f"{memory}/data").problems == [f"{SHARD}: is missing"]


def test_what_is_no_data_set_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"must be a data set of mixtures, got no info\.json"):
        validate(str(tmp_path))


def test_the_command_prints_a_line_for_each_problem(whole, data):
    done = CliRunner().invoke(main, ["validate", str(whole)])
    assert (done.exit_code, done.stdout) == (
        0,
        f"10 mixtures in 5 files are as {whole} describes them\n",
    )
    change_info(data, lambda info: info["settings"]["clip"].update(height=24, frames=3))
    for number in range(15):
        (data / f"train/{number:02d}").touch()
    done = CliRunner().invoke(main, ["validate", str(data), "--workers", "2"])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 20
    assert lines[1] == "train/00: is no file of this data set"
    assert done.stderr == (
        f"error: {data}: must be whole and consistent, got 26 problems; the first 20 are shown\n"
    )
