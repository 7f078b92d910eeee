"""Lists of files, on this machine and in a remote store."""

import errno
import os

import pytest
from stored import relative

from data_prep import storage
from data_prep.errors import StorageError


def test_lists_are_sorted_and_begin_with_the_folder(folder):
    for name in ("b/2.csv", "b/1.csv", "a.csv", ".hidden/x.csv", "b/.y.csv", "note.txt"):
        storage.write_text(storage.join(folder, name), "x")
    everything = [".hidden/x.csv", "a.csv", "b/.y.csv", "b/1.csv", "b/2.csv", "note.txt"]
    assert relative(folder) == everything
    assert relative(folder, suffix=".csv", hidden=False) == ["a.csv", "b/1.csv", "b/2.csv"]
    assert relative(folder, recursive=False) == ["a.csv", "note.txt"]
    assert storage.list_files(folder)[1] == storage.join(folder, "a.csv")
    assert storage.list_files(storage.join(folder, "nowhere")) == []
    assert not storage.is_empty(folder)
    assert storage.is_empty(storage.join(folder, "nowhere"))


def test_glob_finds_files_that_are_not_hidden(tmp_path, memory):
    for folder in (str(tmp_path), memory):
        for name in ("span-1/m.csv", "span-2/m.csv", "span-2/r.csv", "span-2/.x.csv", ".y/m.csv"):
            storage.write_text(storage.join(folder, name), "x")
        expected = [storage.join(folder, f"span-{i}/m.csv") for i in (1, 2)]
        assert storage.glob(storage.join(folder, "span-*", "m.csv")) == expected
        assert storage.glob(storage.join(folder, "*", "m.csv")) == expected
        assert storage.glob(storage.join(folder, "span-2", "*")) == [
            expected[1],
            storage.join(folder, "span-2/r.csv"),
        ]
        assert storage.glob(storage.join(folder, "*")) == []
        assert storage.glob(storage.join(folder, "span-1")) == []
        assert storage.glob(expected[0]) == expected[:1]
        assert storage.glob(storage.join(folder, "none-*")) == []
        hidden = storage.join(folder, ".y")
        assert storage.glob(storage.join(hidden, "*")) == [storage.join(hidden, "m.csv")]


def test_linked_folders_are_listed_once(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a.txt").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "store")
    (tmp_path / "store/loop").symlink_to(tmp_path / "root")
    assert relative(str(tmp_path / "root")) == ["link/a.txt"]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "open/closed").mkdir(parents=True)
    (tmp_path / "open/a.txt").touch()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match=r"open/closed: Permission denied"):
        storage.list_files(str(tmp_path))
    assert relative(str(tmp_path / "open"), recursive=False) == ["a.txt"]
    assert storage.list_files(str(tmp_path / "none")) == []
    assert storage.list_files(str(tmp_path / "open/a.txt")) == []
