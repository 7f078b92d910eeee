"""Each file is opened once, and described or rejected with a reason."""

import errno
import hashlib
import os
import time
from typing import ClassVar

import fsspec
import pytest
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.sources import (
    examination,
)
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
