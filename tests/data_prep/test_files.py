"""Files one at a time, on this machine and in a remote store."""

import errno
import os
import pickle
from pathlib import Path

import pytest
from stored import relative

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError


def test_what_is_written_is_read(folder):
    uri = storage.join(folder, "a", "b.txt")
    assert not storage.exists(uri)
    storage.write_text(uri, "é\r\n")
    assert storage.read_text(uri) == "é\r\n"
    assert storage.read_bytes(uri) == "é\r\n".encode()
    assert storage.read_bytes(uri, limit=1) == "é".encode()[:1]
    storage.write_bytes(uri, b"\xef\xbb\xbfx")
    assert storage.read_text(uri) == "x"
    assert storage.exists(folder)
    assert storage.is_dir(folder)
    assert storage.is_file(uri)
    assert not storage.is_dir(uri)
    assert not storage.exists(storage.join(uri, "below a file"))
    assert relative(folder) == ["a/b.txt"]


def test_a_file_is_replaced_only_if_nothing_went_wrong(folder):
    uri = storage.join(folder, "a.txt")
    with pytest.raises(RuntimeError), storage.replacing(uri) as path:
        path.write_text("half")
        raise RuntimeError
    assert not storage.exists(uri)
    for text in ("first", "second"):
        with storage.replacing(uri) as path:
            assert not path.exists()
            path.write_text(text)
        assert storage.read_text(uri) == text
    assert relative(folder) == ["a.txt"]


def test_drafts_go_where_they_are_told(tmp_path):
    uri, drafts = str(tmp_path / "records" / "a"), str(tmp_path / "drafts")
    with storage.replacing(uri, drafts=drafts) as path:
        path.write_text("x")
        assert path.parent == tmp_path / "drafts"
    assert storage.read_text(uri) == "x"
    assert storage.list_files(drafts) == []


def test_local_copies(tmp_path, memory):
    local, remote = str(tmp_path / "a.mp4"), f"{memory}/a.mp4"
    for uri in (local, remote):
        storage.write_bytes(uri, b"data")
        with storage.local_copy(uri) as path:
            assert path.read_bytes() == b"data"
            assert path.suffix == ".mp4"
        assert path.exists() == (uri == local)


def test_removing_and_what_is_missing(folder):
    uri = storage.join(folder, "a/b.txt")
    storage.remove(uri)
    storage.remove_tree(folder)
    storage.write_text(uri, "x")
    storage.remove(uri)
    assert not storage.exists(uri)
    storage.write_text(uri, "x")
    storage.remove_tree(folder)
    assert not storage.exists(folder)


def test_missing_files_are_told_apart(folder):
    uri = storage.join(folder, "none.txt")
    for read in (storage.read_bytes, storage.read_text):
        with pytest.raises(StorageMissingError) as caught:
            read(uri)
        assert str(caught.value) == f"{uri}: no such file or folder"
        assert isinstance(caught.value, UserError)
        assert isinstance(caught.value, OSError)


def test_text_must_be_utf_8(folder):
    uri = storage.join(folder, "a.txt")
    storage.write_bytes(uri, b"caf\xe9")
    with pytest.raises(StorageError, match=r"a\.txt: must be UTF-8 text"):
        storage.read_text(uri)


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(StorageMissingError("s3://a", "gone")))
    assert (type(error), error.uri, error.reason) == (StorageMissingError, "s3://a", "gone")
    assert str(error) == "s3://a: gone"


def test_a_folder_in_the_place_of_a_file_is_not_missing(tmp_path):
    with pytest.raises(StorageError, match="Is a directory") as caught:
        storage.read_text(str(tmp_path))
    assert not isinstance(caught.value, StorageMissingError)


def test_a_file_in_the_place_of_a_folder(tmp_path):
    storage.write_text(str(tmp_path / "a"), "x")
    with pytest.raises(StorageError, match="a/b"):
        storage.write_text(str(tmp_path / "a/b/c.txt"), "x")


NAMES = ["a b", "50%", "what?", "#1", "[x] *", "é.日本", "a&b=c", "x::y", "~", "'\"", "%20", "-n"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["local", "memory", "file"])
def test_any_name_works_in_every_function(tmp_path, memory, kind, name):
    root = {"local": str(tmp_path), "memory": memory, "file": f"file://{tmp_path}"}[kind]
    folder = storage.join(root, name)
    file = storage.join(folder, name)
    storage.make_dirs(folder)
    storage.write_text(file, "x")
    assert storage.read_text(file) == "x"
    assert storage.read_bytes(file, limit=1) == b"x"
    assert storage.exists(file)
    assert storage.is_file(file)
    assert storage.is_dir(folder)
    assert not storage.is_empty(folder)
    assert storage.list_files(folder) == [file]
    assert storage.name(file) == name
    assert storage.parent(file) == folder
    assert storage.absolute(file).endswith(f"/{name}/{name}")
    with storage.local_copy(file) as path:
        assert path.read_text() == "x"
    with storage.replacing(file) as path:
        path.write_text("y")
    assert storage.read_text(file) == "y"
    copied = storage.join(root, f"copy of {name}")
    storage.copy(file, storage.join(copied, name))
    storage.copy_tree(folder, storage.join(copied, "tree"))
    storage.move(storage.join(copied, name), storage.join(copied, "moved", name))
    storage.move(folder, storage.join(copied, "folder"))
    assert relative(copied) == sorted([f"folder/{name}", f"moved/{name}", f"tree/{name}"])
    storage.require_new(folder, "output")
    with storage.replacing_folder(folder) as draft:
        storage.write_text(storage.join(draft, name), "z")
    assert relative(folder) == [name]
    storage.remove(file)
    assert not storage.exists(file)
    storage.remove_tree(copied)
    assert not storage.exists(copied)


def test_long_names(tmp_path):
    for name in ("x" * 255, "é" * 127):
        storage.write_text(str(tmp_path / name), "x")
    assert len(storage.list_files(str(tmp_path))) == 2


def failing_os(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


def test_a_full_disk_is_a_storage_error_about_the_file(tmp_path, monkeypatch):
    uri = str(tmp_path / "a.txt")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", failing_os(errno.ENOSPC))
        with pytest.raises(StorageError) as caught:
            storage.write_bytes(uri, b"x")
    assert str(caught.value) == f"{uri}: No space left on device"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_os(errno.EIO))
        with pytest.raises(StorageError, match=r"a\.txt: Input/output error"):
            storage.write_bytes(uri, b"x")
    with pytest.raises(StorageError, match="File name too long"):
        storage.write_bytes(str(tmp_path / ("x" * 256)), b"x")
    with pytest.raises(StorageError, match=r"a\.txt: No space"), storage.replacing(uri):
        failing_os(errno.ENOSPC)()
    assert list(tmp_path.iterdir()) == []


def test_contents_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    uri = tmp_path / "a.txt"
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(uri.exists()))
    storage.write_text(str(uri), "x")
    assert seen == [False]
