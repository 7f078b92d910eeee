"""New folders that are there whole or not at all."""

import os

import pytest
from stored import relative

from data_prep import storage
from data_prep.errors import UserError


def test_new_folders(folder):
    home = storage.join(folder, "out")
    storage.require_new(home, "--output")
    with pytest.raises(RuntimeError), storage.replacing_folder(home) as draft:
        storage.write_text(storage.join(draft, "half"), "x")
        raise RuntimeError
    assert relative(folder) == []
    with storage.replacing_folder(home) as draft:
        storage.write_text(storage.join(draft, "old"), "x")
    with storage.replacing_folder(home) as draft:
        storage.write_text(storage.join(draft, "new"), "x")
    assert relative(folder) == ["out/new"]
    with pytest.raises(UserError, match=r"--output .*: must be a new or empty folder"):
        storage.require_new(home, "--output")
    with pytest.raises(UserError, match=r"--output .*: must be a folder, got a file"):
        storage.require_new(storage.join(home, "new"), "--output")
    storage.write_text(storage.join(home, storage.UNFINISHED), "")
    storage.require_new(home, "--output")


def test_a_new_folder_of_this_machine_appears_at_once(tmp_path):
    home = tmp_path / "out"
    home.mkdir()
    with storage.replacing_folder(str(home)) as draft:
        storage.write_text(storage.join(draft, "a"), "x")
        assert list(home.iterdir()) == []
    assert [path.name for path in home.iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_drafts_of_killed_writers_are_removed_and_those_of_others_are_not(tmp_path):
    home = str(tmp_path / "out")
    (tmp_path / ".out.f00d.partial/a").mkdir(parents=True)
    with storage.replacing_folder(home) as one:
        assert not (tmp_path / ".out.f00d.partial").exists()
        with storage.replacing_folder(home) as other:
            storage.write_text(storage.join(other, "a"), "other")
        storage.write_text(storage.join(one, "a"), "one")
    assert relative(str(tmp_path)) == ["out/a"]
    assert storage.read_text(storage.join(home, "a")) == "one"


def test_a_mount_point_is_filled_in_place(tmp_path, monkeypatch):
    home = tmp_path / "out"
    home.mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(home))
    inode = home.stat().st_ino
    with storage.replacing_folder(str(home)) as draft:
        assert draft == str(home)
        assert (home / storage.UNFINISHED).exists()
        storage.write_text(storage.join(draft, "a"), "x")
    assert relative(str(home)) == ["a"]
    assert home.stat().st_ino == inode
