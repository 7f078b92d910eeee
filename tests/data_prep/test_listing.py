"""Everything that a folder holds is listed, or mentioned with what is wrong with it."""

import errno
import os
import socket
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from failing_store import ROOT, failing_store, fill
from fsspec.implementations.memory import MemoryFileSystem

from data_prep import storage
from data_prep.errors import StorageError


def problems(folder):
    found = storage.survey(str(folder))
    return {item.uri.removeprefix(f"{folder}/"): item.problem for item in found}


@pytest.fixture
def odd_folder(tmp_path):
    """A file, and one of everything else that a local folder can hold."""
    root = tmp_path / "videos"
    (root / "sub").mkdir(parents=True)
    for name in ("a.mp4", "sub/b.mp4", ".hidden.mp4"):
        (root / name).touch()
    (root / ".git").mkdir()
    (root / ".git/c.mp4").touch()
    os.mkfifo(root / "fifo.mp4")
    (root / "device.mp4").symlink_to("/dev/zero")
    (root / "dangling.mp4").symlink_to("nowhere.mp4")
    (root / "annex.mp4").symlink_to("../.git/annex/objects/x/y.mp4")
    (root / "loop.mp4").symlink_to("loop.mp4")
    (root / "link.mp4").symlink_to("a.mp4")
    (root / "again").symlink_to("sub")
    (root / "sub/up").symlink_to("..")
    (root / "above").symlink_to("../..")
    return root


def test_whatever_is_no_file_is_mentioned(odd_folder):
    assert problems(odd_folder) == {
        ".git": "is hidden: its name begins with a dot",
        ".hidden.mp4": "is hidden: its name begins with a dot",
        "a.mp4": "",
        "above": "is a link to a folder that holds it",
        "again": "leads to a folder that is listed already",
        "annex.mp4": "is a link to a file that does not exist; `git annex get` fetches it",
        "dangling.mp4": "is a link to a file that does not exist",
        "device.mp4": "is a character device, not a regular file",
        "fifo.mp4": "is a named pipe, not a regular file",
        "link.mp4": "",
        "loop.mp4": "is a link that leads back to itself",
        "sub": "",
        "sub/b.mp4": "",
        "sub/up": "leads to a folder that is listed already",
    }
    files = [uri.removeprefix(f"{odd_folder}/") for uri in storage.list_files(str(odd_folder))]
    assert files == [".git/c.mp4", ".hidden.mp4", "a.mp4", "link.mp4", "sub/b.mp4"]


def test_sockets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.mp4")
        assert problems(tmp_path) == {"s.mp4": "is a socket, not a regular file"}


def test_what_is_not_a_file_is_known_without_opening_it(odd_folder, memory):
    names = ("a.mp4", "link.mp4", "sub", "fifo.mp4", "nowhere.mp4", "a.mp4/b.mp4")
    assert [storage.why_not_a_file(str(odd_folder / name)) for name in names] == [
        "",
        "",
        "is a folder, not a file",
        "is a named pipe, not a regular file",
        "cannot be read: No such file or directory",
        "cannot be read: Not a directory",
    ]
    assert storage.why_not_a_file(f"{memory}/a.mp4") == ""


@pytest.mark.parametrize(
    ("code", "mentioned"), [(errno.EACCES, True), (errno.ENAMETOOLONG, True), (errno.EIO, False)]
)
def test_a_subfolder_that_cannot_be_listed(tmp_path, monkeypatch, code, mentioned):
    (tmp_path / "a/closed").mkdir(parents=True)
    (tmp_path / "a/one.mp4").touch()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("closed"):
            raise OSError(code, os.strerror(code), os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match=f"closed: {os.strerror(code)}"):
        storage.list_files(str(tmp_path))
    if mentioned:
        reason = f"folder cannot be listed: {os.strerror(code)}"
        assert problems(tmp_path) == {"a": "", "a/closed": reason, "a/one.mp4": ""}
    else:
        with pytest.raises(StorageError, match=f"closed: {os.strerror(code)}"):
            storage.survey(str(tmp_path))
    with pytest.raises(StorageError, match=f"closed: {os.strerror(code)}"):
        storage.survey(str(tmp_path / "a/closed"))


def test_a_remote_folder_is_surveyed_alike(memory):
    for name in ("a.mp4", "b.mp4/c.mp4", ".hidden/d.mp4"):
        storage.write_text(f"{memory}/{name}", "x")
    assert problems(memory) == {
        ".hidden": "is hidden: its name begins with a dot",
        "a.mp4": "",
        "b.mp4": "",
        "b.mp4/c.mp4": "",
    }
    [folder] = [item.uri for item in storage.survey(memory) if item.is_folder and not item.problem]
    assert folder == f"{memory}/b.mp4"


NAMES = ["a [1]", "per cent%20", "hash#1", "question?", "star*", "two  spaces", "é", "a\nb", "{x}"]


@pytest.mark.parametrize("name", NAMES)
def test_folders_of_any_name_are_listed_and_matched(tmp_path, memory, name):
    for base in (str(tmp_path), memory):
        file = storage.join(base, name, "x 1", "records-0.tfrecord")
        storage.write_text(file, "x")
        storage.write_text(storage.join(base, "a 1", "x 1", "records-0.tfrecord"), "other")
        assert storage.list_files(storage.join(base, name)) == [file]
        assert storage.glob(storage.join(base, name, "x 1", "*")) == [file]
        assert storage.glob(storage.join(base, name, "x*", "records-?.tfrecord")) == [file]
        assert storage.glob(file) == [file]


def test_a_pattern_relative_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run [v1]").mkdir()
    Path("run [v1]/a").touch()
    assert storage.glob("run [v1]/*") == storage.glob("run [[]v1]/[ab]")
    assert storage.glob("run [v1]/*") == [f"{tmp_path}/run [v1]/a"]


def test_a_failed_listing_is_not_a_pattern_without_a_match():
    fill({"/bucket/a/1": b"1"})
    with failing_store() as calls:
        assert storage.glob(f"{ROOT}/*/1") == [f"{ROOT}/a/1"]
        count = len(calls)
    for pattern in ("*/1", "a/*", "a/1", "[ab]/1"):
        for k in range(count):
            with failing_store(fail_at=k):
                assert storage.glob(f"{ROOT}/{pattern}") == [f"{ROOT}/a/1"]
            with failing_store(die_at=k) as calls:
                try:
                    found = storage.glob(f"{ROOT}/{pattern}")
                except StorageError as error:
                    assert "connection lost" in str(error)
                else:
                    assert found == [f"{ROOT}/a/1"]
                    assert len(calls) <= k


def test_lasting_errors_are_told_from_those_that_may_pass(monkeypatch, memory):
    causes = {
        PermissionError("403"): True,
        FileNotFoundError("404"): True,
        OSError(errno.EACCES, "x"): True,
        OSError(errno.EIO, "x"): False,
        OSError(errno.ESTALE, "x"): False,
        TimeoutError("x"): False,
        ConnectionError("x"): False,
        RuntimeError("a client's exception"): False,
    }
    store = type(fsspec.filesystem("memory"))
    for cause, lasting in causes.items():

        def fail(self, path, _error=cause, **_):
            raise _error

        monkeypatch.setattr(store, "cat_file", fail)
        with pytest.raises(StorageError) as caught:
            storage.read_bytes(f"{memory}/a")
        assert storage.is_lasting(caught.value) == lasting, cause


class SlowStore(MemoryFileSystem):
    """A store that answers a listing once another one is asked for, unless only one ever is."""

    protocol = "slow"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    at_once: ClassVar[int] = 0
    most: ClassVar[int] = 0
    waited: ClassVar[bool] = False
    lock: ClassVar[threading.Condition] = threading.Condition()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("slow://", "memory://", 1))

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        with self.lock:
            SlowStore.at_once += 1
            SlowStore.most = max(self.most, self.at_once)
            self.lock.notify_all()
            if (
                path.count("/") > 2 and not self.waited
            ):  # once, so that a failure does not take long
                SlowStore.waited = not self.lock.wait_for(lambda: self.most > 1, 5)
        try:
            return super().ls(path, detail=detail, **options)
        finally:
            with self.lock:
                SlowStore.at_once -= 1


def test_the_folders_of_a_folder_are_listed_at_the_same_time(memory):
    fsspec.register_implementation("slow", SlowStore, clobber=True)
    names = [f"class {i:02d}/{j}.mp4" for i in range(70) for j in range(2)]
    for name in names:
        storage.write_text(f"slow://bucket/videos/{name}", "x")
        storage.write_text(f"{memory}/videos/{name}", "x")
    found = [item.uri for item in storage.survey("slow://bucket/videos")]
    assert 1 < SlowStore.most <= 32
    assert found == [
        item.uri.replace("memory://", "slow://") for item in storage.survey(f"{memory}/videos")
    ]
    assert storage.list_files("slow://bucket/videos") == sorted(
        f"slow://bucket/videos/{name}" for name in names
    )


def test_the_first_of_several_folders_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    for number in range(40):
        (tmp_path / f"{number:02d}").mkdir()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path)[-2:] in ("07", "08", "31"):
            raise OSError(errno.EIO, "Input/output error", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for lister in (storage.survey, storage.list_files):
        with pytest.raises(StorageError, match=r"/07: Input/output error"):
            lister(str(tmp_path))


def test_a_stamp_changes_with_a_file_and_only_with_it(tmp_path):
    for name in ("a.mp4", "sub/b.mp4"):
        storage.write_text(f"{tmp_path}/{name}", "x")
    (tmp_path / "link.mp4").symlink_to("a.mp4")

    def stamps():
        return {
            item.uri[len(str(tmp_path)) :]: item.stamp for item in storage.survey(str(tmp_path))
        }

    before = stamps()
    assert [bool(before[name]) for name in ("/a.mp4", "/link.mp4", "/sub", "/sub/b.mp4")] == [
        True,
        True,
        False,
        True,
    ]
    assert stamps() == before
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    changed = stamps()
    assert {name for name in before if before[name] != changed[name]} == {"/a.mp4", "/link.mp4"}


class TaggedStore(MemoryFileSystem):
    """A store whose listings have what is in `facts`."""

    protocol = "tagged"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    facts: ClassVar[dict[str, Any]] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("tagged://", "memory://", 1))

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        found = super().ls(path, detail=detail, **options)
        return [item | self.facts for item in found] if detail else found


@pytest.mark.parametrize(
    ("facts", "stamp"),
    [
        ({}, ""),
        ({"ETag": '"abc"'}, '3:"abc"'),
        ({"ETag": None, "LastModified": datetime(2026, 1, 2)}, "3:2026-01-02 00:00:00"),
        ({"mtime": 0}, "3:0"),
    ],
)
def test_a_remote_stamp_is_what_the_store_tells(monkeypatch, facts, stamp):
    fsspec.register_implementation("tagged", TaggedStore, clobber=True)
    monkeypatch.setattr(TaggedStore, "facts", facts)
    storage.write_text("tagged://bucket/a.mp4", "abc")
    assert [item.stamp for item in storage.survey("tagged://bucket")] == [stamp]
