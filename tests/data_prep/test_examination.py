"""Each file is opened once, and what is known of it is used again."""

import errno
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
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState
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
from data_prep.sources.kinetics import Entry, Listing, Rejection, find_videos
from data_prep.storage import leases


def test_build_describes_videos_and_says_why_files_are_not_used(tmp_path, make_video):
    first = make_video(tmp_path / "a.mp4", seed=0)
    make_video(tmp_path / "silent.mp4", seed=1, audio=False)
    (tmp_path / "copy.mp4").write_bytes(first.read_bytes())
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    videos, rejections = examination.examine_all(find_videos(str(tmp_path)))
    assert [video.id for video in videos] == ["a.mp4", "silent.mp4"]
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert (videos[0].sha256, videos[0].source) == (digest, digest[:16])
    assert videos[0].bytes == first.stat().st_size
    assert (videos[0].width, videos[0].height) == (64, 48)
    assert videos[0].duration == pytest.approx(2.0, abs=0.07)
    assert [video.is_audible(-60) for video in videos] == [True, False]
    assert [(v.video_stream, v.audio_stream) for v in videos] == [(0, 1), (0, None)]
    reasons = {r.path.rsplit("/", 1)[1]: r.reason for r in rejections}
    assert reasons.keys() == {"copy.mp4", "empty.mp4", "text.mp4"}
    assert reasons["copy.mp4"] == f"same file as {first}"
    assert reasons["empty.mp4"] == "empty file"
    assert reasons["text.mp4"]


class ElsewhereRunner(PipelineRunner):
    """A runner whose workers write to folders of other machines."""

    def run_pipeline(self, pipeline, options):
        return PipelineResult(PipelineState.DONE)


def test_results_that_stay_on_other_machines_are_an_error(tmp_path, make_video):
    make_video(tmp_path / "a.mp4", seed=0)
    beam_args = ["--runner", f"{__name__}.ElsewhereRunner"]
    with pytest.raises(UserError, match=r"got the results of 0 of 1 files; set TMPDIR"):
        examination.examine_all(find_videos(str(tmp_path)), beam_args)


@pytest.mark.slow
def test_many_files_are_examined_in_batches(tmp_path, make_video):
    data = make_video(tmp_path / "a.mp4", seed=0).read_bytes()
    for number in range(200):
        (tmp_path / f"{number:03d}.mp4").write_bytes(data)
    videos, rejections = examination.examine_all(find_videos(str(tmp_path)), workers=1)
    assert (len(videos), len(rejections)) == (1, 200)


LASTING = [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EISDIR, "x")]


PASSING = [
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.ESTALE, "Stale file handle"),
    TimeoutError("timed out"),
    RuntimeError("a client's exception"),
]


@pytest.fixture
def failing_download(memory, make_video, tmp_path, monkeypatch):
    """Give the function that makes the next downloads from a remote store fail."""
    storage.write_bytes(f"{memory}/a.mp4", make_video(tmp_path / "a.mp4", seed=0).read_bytes())
    store = type(fsspec.filesystem("memory"))
    get_file = store.get_file

    def fail(error, times):
        left = [error] * times

        def get(self, *args, **kwargs):
            if left:
                raise left.pop()
            return get_file(self, *args, **kwargs)

        monkeypatch.setattr(store, "get_file", get)
        return left

    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return fail


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_a_property_of_the_file_is_a_reason_not_to_use_it(failing_download, memory, error):
    left = failing_download(error, 9)
    videos, [rejection] = examination.examine_all(find_videos(memory))
    assert (videos, rejection.path) == ([], f"{memory}/a.mp4")
    assert rejection.reason.startswith("cannot be read: ")
    assert len(left) == 8  # there is no point in trying again


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_a_storage_that_fails_changes_no_manifest(failing_download, memory, error):
    failing_download(error, 2)
    videos, rejections = examination.examine_all(find_videos(memory))
    assert (len(videos), rejections) == (1, [])
    failing_download(error, 99)
    with pytest.raises(StorageError, match=rf"^memory://bucket/a\.mp4: .*{str(error)[-9:]}"):
        examination.examine_all(find_videos(memory))


def test_a_remote_object_that_is_gone_since_it_was_listed_changes_no_manifest(
    failing_download, memory
):
    failing_download(FileNotFoundError(errno.ENOENT, "x"), 1)
    with pytest.raises(StorageError, match=r"^memory://bucket/a\.mp4: is gone since"):
        examination.examine_all(find_videos(memory))


def test_a_store_that_refuses_everything_changes_no_manifest(memory, monkeypatch):
    storage.write_bytes(f"{memory}/expired/a.mp4", b"x")
    listing = find_videos(f"{memory}/expired")

    def refuse(self, path, *args, **kwargs):
        raise PermissionError("the token has expired")

    store = type(fsspec.filesystem("memory"))
    monkeypatch.setattr(store, "get_file", refuse)
    monkeypatch.setattr(store, "ls", refuse)
    with pytest.raises(StorageError, match=r"memory://bucket/expired: the token has expired"):
        examination.examine_all(listing)


@pytest.mark.parametrize("what", ["file", "folder", "target"])
def test_a_mount_that_is_lost_changes_no_manifest(tmp_path, make_video, what):
    make_video(tmp_path / "store/a.mp4", seed=0)
    folder, path = tmp_path / "videos", tmp_path / "videos/a.mp4"
    folder.mkdir()
    path.symlink_to(tmp_path / "store/a.mp4")
    [entry] = find_videos(str(folder)).entries
    lost = {"file": path, "folder": folder, "target": tmp_path / "store"}[what]
    lost.rename(tmp_path / "lost")
    with pytest.raises(StorageError, match=rf"^{path}: is gone since the folder was listed"):
        examination.examine(entry)


@pytest.mark.parametrize("is_folder_closed", [True, False])
def test_a_file_without_permission_is_told_from_a_folder_without(
    tmp_path, monkeypatch, is_folder_closed
):
    (tmp_path / "a.mp4").touch()
    [entry] = find_videos(str(tmp_path)).entries
    stat, scandir = os.stat, os.scandir

    def refuse(path, *args, **kwargs):
        if path == entry.path or (is_folder_closed and path == str(tmp_path)):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", lambda path, *a, **k: refuse(path) or stat(path, *a, **k))
    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) or scandir(path))
    if is_folder_closed:
        with pytest.raises(StorageError, match=rf"^{entry.path}: Permission denied"):
            examination.examine(entry)
    else:
        reason = "cannot be read: Permission denied"
        assert examination.examine(entry) == Rejection(entry.path, reason)


def test_a_file_that_became_a_fifo_is_not_opened(tmp_path):
    (tmp_path / "a.mp4").touch()
    [entry] = find_videos(str(tmp_path)).entries
    (tmp_path / "a.mp4").unlink()
    os.mkfifo(tmp_path / "a.mp4")
    assert examination.examine(entry) == Rejection(
        entry.path, "is a named pipe, not a regular file"
    )


def test_a_damaged_frame_is_found_only_by_decoding(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", seed=0, audio=False)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 2_000
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    listing = find_videos(str(tmp_path))
    assert len(examination.examine_all(listing, decode=False)[0]) == 1
    videos, [rejection] = examination.examine_all(listing)
    assert (videos, rejection.path) == ([], str(path))


def test_of_equal_files_the_one_held_out_is_used(tmp_path, make_video):
    data = make_video(tmp_path / "b.mp4", seed=0).read_bytes()
    for name in ("a", "c", "d"):
        (tmp_path / f"{name}.mp4").write_bytes(data)
    entries = [
        Entry(str(tmp_path / f"{name}.mp4"), name, name, "", split)
        for name, split in zip("abcd", ("train", "", "eval", "eval"), strict=True)
    ]
    [video], rejections = examination.examine_all(Listing(entries, []))
    assert (video.id, video.split) == ("c", "eval")
    assert [item.path[-5] for item in rejections] == ["a", "b", "d"]
    assert {item.reason for item in rejections} == {f"same file as {tmp_path}/c.mp4"}


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


class MeasuringRunner(ElsewhereRunner):
    """A runner that only measures the graph."""

    sizes: ClassVar[list[int]] = []

    def run_pipeline(self, pipeline, options):
        self.sizes.append(len(pipeline.to_runner_api().SerializeToString()))
        return super().run_pipeline(pipeline, options)


def test_the_graph_has_ranges_of_files_and_no_paths():
    MeasuringRunner.sizes.clear()
    for count in (1_000, 64_000):
        paths = [f"/videos/{'x' * 100}/{number:06d}.mp4" for number in range(count)]
        entries = [Entry(path, path, "", "", "") for path in paths]
        with pytest.raises(UserError, match="got the results of 0 of"):
            beam_args = ["--runner", f"{__name__}.MeasuringRunner"]
            examination.examine_all(Listing(entries, []), beam_args)
    small, large = MeasuringRunner.sizes
    assert large - small < 10_000  # bytes, for 7 MB of paths


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
