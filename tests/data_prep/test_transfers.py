"""Copies and moves."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from stored import relative

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError


@pytest.mark.parametrize("transfer", [storage.copy_tree, storage.move])
@pytest.mark.parametrize("kinds", ["local local", "local memory", "memory local", "memory memory"])
def test_folders_are_copied_and_moved_within_and_between_stores(tmp_path, memory, transfer, kinds):
    homes = {"local": str(tmp_path), "memory": memory}
    first, second = kinds.split()
    source, target = storage.join(homes[first], "one"), storage.join(homes[second], "deep", "two")
    storage.write_text(storage.join(source, "a.txt"), "a")
    storage.write_text(storage.join(source, "b", "c.txt"), "c")
    transfer(source, target)
    assert relative(target) == ["a.txt", "b/c.txt"]
    assert storage.read_text(storage.join(target, "b", "c.txt")) == "c"
    assert storage.exists(source) == (transfer is storage.copy_tree)


def test_a_move_that_cannot_be_done_leaves_the_target(folder):
    kept = storage.join(folder, "kept", "a.txt")
    storage.write_text(kept, "x")
    inside = storage.join(folder, "kept", "inside")
    storage.write_text(storage.join(inside, "b.txt"), "x")
    home = storage.join(folder, "kept")
    with pytest.raises(StorageMissingError, match=r"gone: no such file or folder"):
        storage.move(storage.join(folder, "gone"), home)
    for source, target in ((home, home), (f"{home}/", home), (home, inside), (inside, home)):
        with pytest.raises(StorageError, match="must be moved out of itself"):
            storage.move(source, target)
    with pytest.raises(StorageError, match="must be moved out of itself"):
        storage.move(kept, kept)
    assert relative(folder) == ["kept/a.txt", "kept/inside/b.txt"]


def test_a_move_through_a_link_to_itself(tmp_path):
    storage.write_text(str(tmp_path / "real/a.txt"), "x")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(StorageError, match="must be moved out of itself"):
        storage.move(str(tmp_path / "link"), str(tmp_path / "real"))
    assert (tmp_path / "real/a.txt").exists()


def test_a_rename_that_fails_puts_the_target_back(tmp_path, monkeypatch):
    storage.write_text(str(tmp_path / "new/a.txt"), "new")
    storage.write_text(str(tmp_path / "old/a.txt"), "old")
    rename = Path.rename

    def fail(self, target):
        if self.name == "new":
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        storage.move(str(tmp_path / "new"), str(tmp_path / "old"))
    assert relative(str(tmp_path)) == ["new/a.txt", "old/a.txt"]
    assert (tmp_path / "old/a.txt").read_text() == "old"


def has_second_file_system():
    shared = Path("/dev/shm")
    return os.access(shared, os.W_OK) and shared.stat().st_dev != Path("/tmp").stat().st_dev


@pytest.mark.skipif(not has_second_file_system(), reason="needs /dev/shm on another file system")
def test_moves_between_file_systems(tmp_path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        storage.write_text(f"{other}/one/a.txt", "new")
        storage.write_text(f"{other}/b.txt", "new")
        storage.write_text(str(tmp_path / "two/old.txt"), "old")
        storage.move(f"{other}/one", str(tmp_path / "two"))
        storage.move(f"{other}/b.txt", str(tmp_path / "two/b.txt"))
        assert os.listdir(other) == []  # noqa: PTH208
    assert relative(str(tmp_path)) == ["two/a.txt", "two/b.txt"]


def test_moving_replaces(folder):
    one, two = storage.join(folder, "one"), storage.join(folder, "two")
    storage.write_text(storage.join(one, "new.txt"), "x")
    storage.write_text(storage.join(two, "old.txt"), "x")
    storage.move(one, two)
    assert relative(folder) == ["two/new.txt"]
    storage.write_text(storage.join(folder, "file"), "x")
    storage.move(storage.join(folder, "file"), storage.join(two, "new.txt"))
    assert relative(folder) == ["two/new.txt"]


@pytest.mark.parametrize("kinds", ["local local", "local memory", "memory local", "memory memory"])
def test_a_linked_file_is_whole_and_its_source_stays(tmp_path, memory, kinds):
    homes = {"local": str(tmp_path), "memory": memory}
    first, second = kinds.split()
    source = storage.join(homes[first], "one [1]", "a.txt")
    target = storage.join(homes[second], "two", "b.txt")
    storage.write_text(source, "a")
    storage.write_text(target, "of a killed run")
    for _ in range(2):
        storage.link(source, target)
        assert storage.read_text(source) == storage.read_text(target) == "a"
    storage.remove(source)
    assert storage.read_text(target) == "a"


def test_a_file_that_cannot_be_linked_is_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    storage.write_text(str(tmp_path / "one/a.txt"), "a")
    storage.link(str(tmp_path / "one/a.txt"), str(tmp_path / "two/a.txt"))
    assert storage.read_text(str(tmp_path / "two/a.txt")) == "a"
