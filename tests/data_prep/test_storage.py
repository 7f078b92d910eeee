import pickle

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


def test_glob(tmp_path, memory):
    for folder in (str(tmp_path), memory):
        for name in ("span-1/m.csv", "span-2/m.csv", "span-2/r.csv"):
            storage.write_text(storage.join(folder, name), "x")
        expected = [storage.join(folder, f"span-{i}/m.csv") for i in (1, 2)]
        assert storage.glob(storage.join(folder, "span-*", "m.csv")) == expected
        assert storage.glob(expected[0]) == expected[:1]
        assert storage.glob(storage.join(folder, "none-*")) == []


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
