import csv
import errno
import hashlib
import os
import time

import fsspec
import pytest
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.sources import examination, manifest
from data_prep.sources.kinetics import Entry, Listing, Rejection, find_videos


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


def test_manifest_reads_back_what_was_written(tmp_path, make_row):
    videos = [
        make_row("a", label='x, "y"', duration=1 / 3),
        make_row("b", audio_stream=None, loudness=None),
    ]
    path = tmp_path / "new" / "manifest.csv"
    manifest.write(str(path), videos)
    assert manifest.read(str(path)) == videos
    assert [item.name for item in path.parent.iterdir()] == ["manifest.csv"]


def test_videos_that_readers_of_the_manifest_see_elsewhere(tmp_path, make_row):
    videos = [make_row("a", path=str(tmp_path / "one" / "a b.mp4"), label="x")]
    [video] = manifest.moved(videos, str(tmp_path), "gs://bucket/videos/")
    assert video == make_row("a", path="gs://bucket/videos/one/a b.mp4", label="x")


def test_rejected_is_a_table_of_path_and_reason(tmp_path):
    manifest.write_rejected(str(tmp_path / "r.csv"), [Rejection("a,b.mp4", "no, it is not")])
    with (tmp_path / "r.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["path", "reason"], ["a,b.mp4", "no, it is not"]]
    assert manifest.read_rejected(str(tmp_path / "r.csv")) == [
        Rejection("a,b.mp4", "no, it is not")
    ]
    assert manifest.read_rejected(str(tmp_path / "none.csv")) == []
    (tmp_path / "r.csv").write_text("file,why\na,b\n")
    with pytest.raises(
        UserError, match=r"r\.csv: .* must have the columns path, reason; missing: path, reason"
    ):
        manifest.read_rejected(str(tmp_path / "r.csv"))


class ElsewhereRunner(PipelineRunner):
    """A runner whose workers write to folders of other machines."""

    def run_pipeline(self, pipeline, options):
        return PipelineResult(PipelineState.DONE)


def test_results_that_stay_on_other_machines_are_an_error(tmp_path, make_video):
    make_video(tmp_path / "a.mp4", seed=0)
    beam_args = ["--runner", f"{__name__}.ElsewhereRunner"]
    with pytest.raises(UserError, match=r"got the results of 0 of 1 files; set TMPDIR"):
        examination.examine_all(find_videos(str(tmp_path)), beam_args)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sha256",
            "digest",
            "must have the columns path, .*; missing: sha256; run .* index` again",
        ),
        ("video_stream,audio_stream,loudness", "has_sound,x,y", "missing: video_stream, .* again"),
        ("10.0", "long", "line 2: duration must be a finite float of at least 0, got 'long'"),
        ("10.0", "nan", "line 2: duration must be a finite float of at least 0, got 'nan'"),
        ("10.0", "inf", "line 2: duration must be a finite float of at least 0, got 'inf'"),
        ("10.0", "1e400", "line 2: duration must be a finite float of at least 0, got '1e400'"),
        ("10.0", "-1", "line 2: duration must be a finite float of at least 0, got '-1'"),
        ("10.0", "", "line 2: duration must be a finite float of at least 0, got ''"),
        (",320,", ",0,", "line 2: width must be a finite int of at least 1, got '0'"),
        (",320,", ",3.5,", "line 2: width must be a finite int of at least 1, got '3.5'"),
        (",320,", f",{'9' * 5000},", r"line 2: width must be a finite int .*, got '9+\.\.\.9+'"),
        (",0,1,-20.0", ",-1,1,-20.0", "line 2: video_stream must be a finite int of at least 0"),
        ("-20.0", "-500", "line 2: loudness must be a finite float of at least -120.0"),
        (",-20.0", "", "line 2: must have 14 values, as its header, got 13"),
        ("-20.0", "-20.0,x", "line 2: must have 14 values, as its header, got 15"),
        ("fps", "width", "must have the columns path, .*; missing: fps"),
        ("loudness\n", "loudness,path\n", "must have each column once, got path 2 times"),
        ("/videos/a.mp4,a,a,,,", "/videos/a.mp4,a,a,,test,", "split must be .* got 'test'"),
        ("10.0", "1" * 200_000, "must be a readable CSV: field larger than"),
    ],
)
def test_wrong_manifest(tmp_path, make_row, old, new, message):
    path = tmp_path / "manifest.csv"
    manifest.write(str(path), [make_row("a", sha256="f" * 64)])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        manifest.read(str(path))


@pytest.mark.timeout(20)
def test_missing_manifest(tmp_path):
    with pytest.raises(UserError, match=r"no\.csv: a manifest must be"):
        manifest.read(str(tmp_path / "no.csv"))
    os.mkfifo(tmp_path / "fifo.csv")
    with pytest.raises(UserError, match=r"a manifest must be a readable CSV: is a named pipe"):
        manifest.read(str(tmp_path / "fifo.csv"))
    with pytest.raises(UserError, match=r"a manifest must be a readable CSV: is a folder"):
        manifest.read(str(tmp_path))


NAMES = [
    "a\rb",
    "a\nb",
    "a\r\nb",
    'a"b',
    "a,b",
    " a ",
    "a\tb",
    "é",
    "[a]",
    "%41",
    "#",
    "'",
    "\r",
    "\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_survives(tmp_path, make_row, make_video, name):
    make_video(tmp_path / f"{name}.mp4", seed=0)
    (tmp_path / f"{name}2.mp4").write_bytes((tmp_path / f"{name}.mp4").read_bytes())
    (tmp_path / f"other.{name}").touch()
    videos, rejections = examination.examine_all(find_videos(str(tmp_path)))
    assert [video.id for video in videos] == [f"{name}.mp4"]
    manifest.write(str(tmp_path / "m.csv"), [*videos, make_row("z", label=name)])
    manifest.write_rejected(str(tmp_path / "r.csv"), rejections)
    assert manifest.read(str(tmp_path / "m.csv")) == [*videos, make_row("z", label=name)]
    assert manifest.read_rejected(str(tmp_path / "r.csv")) == rejections
    assert {item.path.removeprefix(f"{tmp_path}/") for item in rejections} == {
        f"{name}2.mp4",
        f"other.{name}",
    }
    for item in rejections:
        assert item.reason.isprintable()
        assert item.reason.startswith("same file as ") or item.reason.endswith("video file name")


def test_columns(tmp_path, make_row):
    manifest.write(str(tmp_path / "m.csv"), [make_row("a")])
    header = (tmp_path / "m.csv").read_text().splitlines()[0]
    assert header == (
        "path,id,source,label,split,bytes,sha256,duration,width,height,fps,"
        "video_stream,audio_stream,loudness"
    )


def test_videos_in_a_remote_store_are_described_alike(tmp_path, memory, make_video):
    make_video(tmp_path / "videos/a.mp4", seed=0)
    make_video(tmp_path / "videos/b/silent.mp4", seed=1, audio=False)
    (tmp_path / "videos/text.mp4").write_text("not a video")
    storage.copy_tree(str(tmp_path / "videos"), f"{memory}/videos")
    local, wrong = examination.examine_all(find_videos(str(tmp_path / "videos")))
    remote, wrong_there = examination.examine_all(find_videos(f"{memory}/videos"))
    assert remote == manifest.moved(local, str(tmp_path / "videos"), f"{memory}/videos")
    assert [r.path for r in wrong_there] == [f"{memory}/videos/text.mp4"]
    assert wrong[0].reason == wrong_there[0].reason
    manifest.write(f"{memory}/manifest.csv", remote)
    assert manifest.read(f"{memory}/manifest.csv") == remote


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
