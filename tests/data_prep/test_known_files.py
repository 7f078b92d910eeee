"""What is known of files that were examined is used again, also after a kill."""

import gzip
import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any, ClassVar

import fsspec
import pytest
from click.testing import CliRunner
from failing_store import ROOT, contents, failing_store, fill
from fsspec.implementations.memory import MemoryFileSystem

from data_prep import storage
from data_prep.commands import main
from data_prep.errors import StorageError, UserError
from data_prep.sources import (
    examination,
    examination_folder,
    examine_file,
    examined_files,
    manifest,
)
from data_prep.sources.kinetics import find_videos
from data_prep.storage import leases


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that were opened; `opened.clear()` forgets them."""
    names = []

    def probe(path, **options):
        names.append(path.name)
        return original(path, **options)

    original = examine_file._probe
    monkeypatch.setattr(examine_file, "_probe", probe)
    return names


@pytest.fixture
def mixed(tmp_path, make_video):
    """Three videos and a file that is none."""
    for seed in range(3):
        make_video(tmp_path / f"videos/{seed}.mp4", seed=seed)
    (tmp_path / "videos/text.mp4").write_text("no video\n" * 100)
    return tmp_path / "videos"


def run_index(videos, output, *options):
    words = ["index", "--videos", videos, "--output", output, *options]
    done = CliRunner().invoke(main, [*map(str, words)])
    assert done.exit_code == 0, done.stderr
    return done.stderr


def written(folder):
    """Return the files that a user reads."""
    return {path.name: path.read_bytes() for path in folder.glob("*.csv")}


def test_files_that_have_not_changed_are_not_opened_again(mixed, tmp_path, opened):
    out = tmp_path / "out"
    assert run_index(mixed, out / "manifest.csv") == ""
    assert sorted(opened) == ["0.mp4", "1.mp4", "2.mp4", "text.mp4"]
    first = written(out)
    assert first.keys() == {"manifest.csv", "rejected.csv"}
    opened.clear()
    line = "files that were examined before and have not changed since: 4 of 4\n"
    assert run_index(mixed, out / "manifest.csv") == line
    assert (opened, written(out)) == ([], first)
    os.utime(mixed / "1.mp4", ns=(1, 1))
    run_index(mixed, out / "manifest.csv")
    assert (opened, written(out)) == (["1.mp4"], first)
    opened.clear()
    (mixed / "text.mp4").write_text("no video either\n" * 99)
    run_index(mixed, out / "manifest.csv")
    assert opened == ["text.mp4"]
    opened.clear()
    run_index(mixed, out / "manifest.csv", "--fresh")
    assert (len(opened), written(out)) == (4, first)
    assert {path.name for path in out.iterdir()} == {*first, "examined.jsonl.gz"}


def test_annotations_are_read_again_although_the_files_are_not(mixed, tmp_path, opened):
    run_index(mixed, tmp_path / "out/train.csv")
    rows = "".join(f"red,{seed},0,10,,dubbed\n" for seed in range(3))
    (mixed / "classes.csv").write_text(f"label,youtube_id,time_start,time_end,split,audio\n{rows}")
    opened.clear()
    run_index(mixed, tmp_path / "out/train.csv")
    assert opened == []
    videos = manifest.read(str(tmp_path / "out/train.csv"))
    assert [(v.label, v.source, v.audio_stream) for v in videos] == [
        ("red", str(seed), None) for seed in range(3)
    ]
    assert (tmp_path / "out/train.examined.jsonl.gz").exists()


def test_decoded_frames_serve_packets_but_not_the_other_way_round(mixed, tmp_path, opened):
    listing = find_videos(str(mixed))
    kept = str(tmp_path / "kept")
    counts = []
    for decode in (False, False, True, True, False, True):
        opened.clear()
        examination.examine_all(listing, decode=decode, kept=kept)
        counts.append(len(opened))
    assert counts == [4, 0, 4, 0, 0, 0]


@pytest.mark.parametrize("damage", ["cut", "flip", "foreign", "json", "version", "empty"])
def test_what_cannot_be_read_as_known_is_ignored_with_a_notice(
    mixed, tmp_path, opened, monkeypatch, damage
):
    listing, kept = find_videos(str(mixed)), tmp_path / "kept"
    before = examination.examine_all(listing, kept=str(kept))
    data = kept.read_bytes()
    changed = {
        "cut": data[:-5],
        "flip": data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        "foreign": b"my notes",
        "json": gzip.compress(b'{"mine": 1}\n'),
        "version": data,
        "empty": b"",
    }
    kept.write_bytes(changed[damage])
    if damage == "version":
        header = examined_files._HEADER | {"version": 10**6}
        monkeypatch.setattr(examined_files, "_HEADER", header)
    opened.clear()
    lines = []
    assert examination.examine_all(listing, kept=str(kept), report=lines.append) == before
    assert len(opened) == 4
    [line] = lines
    assert line.startswith(f"{kept}: is ")
    assert line.endswith("; its files are examined again")
    opened.clear()
    examination.examine_all(listing, kept=str(kept))
    assert opened == []


def test_a_lack_of_permission_is_not_remembered(mixed, tmp_path, opened, monkeypatch):
    listing, kept = find_videos(str(mixed)), str(tmp_path / "kept")
    with monkeypatch.context() as patch:

        def refuse(path, **options):
            raise StorageError(str(path), "Permission denied") from PermissionError()

        patch.setattr(examine_file, "_probe", refuse)
        assert len(examination.examine_all(listing, kept=kept)[0]) == 0
    assert len(examination.examine_all(listing, kept=kept)[0]) == 3
    assert len(opened) == 4


def test_objects_are_told_by_their_etag_and_not_without_one(memory, mixed, tmp_path, opened):
    storage.copy_tree(str(mixed), f"{memory}/videos")
    storage.copy_tree(str(mixed), "tagged://bucket/videos")
    kept = str(tmp_path / "kept")
    for _ in range(2):
        examination.examine_all(find_videos(f"{memory}/videos"), kept=kept)
    assert len(opened) == 8
    opened.clear()
    for _ in range(2):
        videos, _ = examination.examine_all(find_videos("tagged://bucket/videos"), kept=kept)
        assert len(videos) == 3
    assert len(opened) == 4
    storage.write_bytes("tagged://bucket/videos/text.mp4", b"another text")
    examination.examine_all(find_videos("tagged://bucket/videos"), kept=kept)
    assert len(opened) == 5


@pytest.fixture(autouse=True)
def tagged():
    fsspec.register_implementation("tagged", TaggedStore, clobber=True)
    TaggedStore.store.clear()


class TaggedStore(MemoryFileSystem):
    """A store whose listings have the digest of each file as its etag, as S3 does."""

    protocol = "tagged"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("tagged://", "memory://", 1))

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        found = super().ls(path, detail=detail, **options)
        for item in found if detail else ():
            if item["type"] == "file":
                item["ETag"] = hashlib.md5(self.store[item["name"]].getvalue()).hexdigest()
        return found


@pytest.mark.parametrize("place", ["local", "tagged"])
def test_a_storage_that_fails_costs_nothing_that_was_examined(
    mixed, tmp_path, opened, monkeypatch, place
):
    monkeypatch.setattr(leases, "_settle", lambda: None)
    root = str(tmp_path / "out") if place == "local" else "tagged://bucket/out"
    listing, counted = find_videos(str(mixed)), examine_file._probe
    where = {"folder": f"{root}/.index", "kept": f"{root}/kept"}
    with monkeypatch.context() as patch:

        def fail(path, **options):
            if path.name == "2.mp4":
                raise StorageError(str(path), "the disk is gone")
            return counted(path, **options)

        patch.setattr(examine_file, "_probe", fail)
        with pytest.raises(StorageError, match=rf"^{mixed}/2\.mp4: the disk is gone"):
            examination.examine_all(listing, **where)
    assert sorted(opened) == ["0.mp4", "1.mp4"]
    assert storage.list_files(root) == [f"{root}/kept"]
    opened.clear()
    videos, rejections = examination.examine_all(listing, **where)
    assert sorted(opened) == ["2.mp4", "text.mp4"]
    assert (videos, rejections) == examination.examine_all(listing)


def test_what_a_killed_run_found_out_is_used(mixed, tmp_path, opened):
    listing, folder = find_videos(str(mixed)), tmp_path / ".index"
    place = examination_folder.ExaminationFolder(str(folder))
    batches = place.write_files([(e.path, listing.stamps[e.path]) for e in listing.entries])
    for batch in batches[:3]:
        examination._examine_batch(batch, place, True)
    place.write_failure(StorageError("a", "b"))
    (folder / place.run / "000000002.jsonl.gz").write_bytes(b"cut")
    opened.clear()
    lines = []
    where = {"folder": str(folder), "report": lines.append}
    assert examination.examine_all(listing, **where) == examination.examine_all(listing)
    assert opened[:2] == ["2.mp4", "text.mp4"]
    assert len(lines) == 2
    assert not folder.exists()


def test_workers_of_a_killed_run_do_no_harm(mixed, tmp_path, monkeypatch):
    """They examine the same batches, of other files, while the next run goes on."""
    listing, folder = find_videos(str(mixed)), str(tmp_path / ".index")
    expected = examination.examine_all(listing)
    old = examination_folder.ExaminationFolder(folder)

    def run(place, files, *args, **options):
        batches = old.write_files([(path, stamp) for path, stamp in reversed(files)])
        for batch in batches:
            examination._examine_batch(batch, old, True)
        original(place, files, *args, **options)

    original = examination._run
    monkeypatch.setattr(examination, "_run", run)
    assert examination.examine_all(listing, folder=folder) == expected
    assert not (tmp_path / ".index").exists()


def test_one_process_at_a_time_examines_for_a_manifest(mixed, tmp_path):
    folder = str(tmp_path / "out/.index")
    code = (
        "import sys\nfrom data_prep import storage\n"
        "with storage.lease(sys.argv[1]):\n    print(1, flush=True)\n    input()"
    )
    words = [sys.executable, "-c", code, folder]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UserError, match="must have one writer at a time"):
            examination.examine_all(find_videos(str(mixed)), folder=folder)
        other.communicate(b"\n")
    assert len(examination.examine_all(find_videos(str(mixed)), folder=folder)[0]) == 3
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["fail_at", "die_at"])
def test_a_store_that_fails_at_any_call_costs_no_result(mixed, opened, monkeypatch, fault):
    monkeypatch.setattr(leases, "_settle", lambda: None)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    listing = find_videos(str(mixed))
    listing = replace(listing, entries=listing.entries[2:])  # a video and a text
    where = {"folder": f"{ROOT}/out/.index", "kept": f"{ROOT}/out/kept"}
    fill({})
    with failing_store() as calls:
        expected = examination.examine_all(listing, **where)
        count = len(calls)
    whole = contents()
    assert list(whole) == ["/bucket/out/kept"]
    failures = 0
    for k in range(fault == "die_at", count, 2):
        fill({})
        with failing_store(**{fault: k}):
            try:
                assert examination.examine_all(listing, **where) == expected
            except StorageError:
                failures += 1
        with failing_store():
            opened.clear()
            assert examination.examine_all(listing, **where) == expected
            assert contents() == whole
            if k > count - 5:  # all were examined before
                assert opened == []
    assert failures > count / 4 if fault == "die_at" else failures < count
