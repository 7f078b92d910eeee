import errno
import os
import pickle
import tempfile
from pathlib import Path

import fsspec
import numpy as np
import pytest

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path, memory):
    """A folder that does not exist yet, on this machine and in a remote store."""
    return str(tmp_path / "new [1]") if request.param == "local" else f"{memory}/new [1]"


def relative(folder, **options):
    return [uri.removeprefix(folder + "/") for uri in storage.list_files(folder, **options)]


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


@pytest.mark.skipif(
    not os.access("/dev/shm", os.W_OK)
    or Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev,
    reason="needs a second file system",
)
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


def test_linked_folders_are_listed_once(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a.txt").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "store")
    (tmp_path / "store/loop").symlink_to(tmp_path / "root")
    assert relative(str(tmp_path / "root")) == ["link/a.txt"]


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


class BrokenStore(fsspec.AbstractFileSystem):
    """A store whose every operation fails with an error class of its own, on two lines."""

    protocol = "broken"

    def _fail(self, *args, **kwargs):
        raise LookupError("no credentials\nfound")

    info = ls = cat_file = pipe_file = rm_file = rm = get_file = put_file = find = cp_file = _fail


@pytest.mark.parametrize(
    "operation",
    [
        storage.exists,
        storage.read_bytes,
        storage.is_empty,
        storage.list_files,
        storage.remove,
        storage.remove_tree,
        lambda uri: storage.write_text(uri, "x"),
        lambda uri: storage.copy(uri, "broken://b"),
        lambda uri: storage.local_copy(uri).__enter__(),
    ],
)
def test_every_failure_of_a_store_is_one_line_that_names_the_uri(operation):
    fsspec.register_implementation("broken", BrokenStore, clobber=True)
    with pytest.raises(StorageError) as caught:
        operation("broken://a")
    assert str(caught.value) == "broken://a: no credentials found"
    with pytest.raises(StorageError, match="no credentials"), storage.replacing("broken://a") as p:
        p.write_text("x")


def test_unknown_schemes_and_missing_packages(monkeypatch):
    with pytest.raises(StorageError, match=r"nothing://a: unknown scheme nothing://$"):
        storage.read_text("nothing://a")

    def missing(*args, **kwargs):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    for scheme, extra in {"s3": "s3", "gs": "gcs"}.items():
        with pytest.raises(StorageError) as caught:
            storage.read_text(f"{scheme}://bucket/a")
        assert str(caught.value) == (
            f"{scheme}://bucket/a: {scheme}:// needs a package that is not installed: "
            f"pip install layered-video[{extra}]"
        )


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_packages_of_the_extras_are_found(scheme):
    assert scheme in np.atleast_1d(fsspec.get_filesystem_class(scheme).protocol)


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
