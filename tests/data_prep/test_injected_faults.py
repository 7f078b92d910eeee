"""A shard of records whose every I/O call fails in turn: it is whole in the end, or unfinished.

The videos, the records and the reports are all in the storage that fails.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from data_set_contents import comparable
from failing_store import ERRORS, ROOT, contents, failing_files, failing_store, fill
from in_turn import make_shards_in_turn

from data_prep.errors import UserError
from data_prep.generate import generate
from data_prep.sources import examination, kinetics

pytestmark = pytest.mark.slow
KINDS = [kind for kind in ERRORS if kind != "connection lost"]


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    make_shards_in_turn(monkeypatch)


@pytest.fixture(scope="module")
def videos(video_folder):
    """Lines of a manifest of four videos, two in each split."""
    rows, _ = examination.examine_all(kinetics.find_videos(str(video_folder)))
    return [replace(row, split="eval" if i < 2 else "train") for i, row in enumerate(rows[:4])]


@pytest.fixture
def two_shards(config):
    return config.model_copy(update={"train_mixtures": 2, "eval_mixtures": 1})


class Local:
    """A folder of this machine."""

    def __init__(self, root: Path, videos):
        self.root = root
        self.output = str(root / "out")
        (root / "videos").mkdir(parents=True)
        self.videos = []
        for video in videos:
            path = shutil.copy(video.path, root / "videos")
            self.videos.append(replace(video, path=path))

    def clear(self):
        shutil.rmtree(self.output, ignore_errors=True)

    def failing(self, **fault):
        return failing_files(str(self.root), **fault)

    def contents(self):
        files = [path for path in Path(self.output).rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.output)): comparable(path.name, path.read_bytes())
            for path in files
        }


class Remote:
    """A bucket."""

    def __init__(self, root: Path, videos):
        self.output = f"{ROOT}/out"
        self.files = {
            f"/bucket/videos/{video.id}.mp4": Path(video.path).read_bytes() for video in videos
        }
        self.videos = [replace(v, path=f"{ROOT}/videos/{v.id}.mp4") for v in videos]

    def clear(self):
        fill(self.files)

    def failing(self, **fault):
        return failing_store(**fault)

    def contents(self):
        begin = "/bucket/out/"
        files = contents().items()
        return {
            name[len(begin) :]: comparable(name, data)
            for name, data in files
            if name.startswith(begin)
        }


def records(files):
    """Leave out what a run leaves that could not remove it at its end.

    That is its lease, drafts, and the videos as workers read them.
    """
    return {
        name: data
        for name, data in files.items()
        if Path(name).name[0] != "." and Path(name).suffix != ".arrow"
    }


@pytest.mark.parametrize("fault", ["fail_at", "die_at"])
@pytest.mark.parametrize("place", [Local, Remote])
def test_a_failing_call_costs_no_record(place, fault, videos, two_shards, tmp_path):
    """Each call fails once in each of four ways, or all calls fail from one on."""
    store = place(tmp_path, videos)

    def run():
        generate(store.videos, store.output, two_shards)

    store.clear()
    with store.failing() as calls:
        run()
        names = list(calls)
    whole = store.contents()
    assert "COMPLETED" in whole
    assert sum(name.endswith(".tfrecord") for name in whole) == 2
    assert len(names) > 40
    failures = 0
    for k, name in enumerate(names):
        for kind in KINDS if fault == "fail_at" else KINDS[k % len(KINDS) :][:1]:
            case = f"{kind} at call {k}, {name}"
            store.clear()
            with store.failing(**{fault: k}, kind=kind):
                try:
                    run()
                except UserError as error:
                    assert "\n" not in str(error)
                    failures += 1
            left = store.contents()
            if "COMPLETED" in left:
                assert records(left) == whole, case
            run()
            assert records(store.contents()) == whole, case
    assert failures > len(names) / 2
