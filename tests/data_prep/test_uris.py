import pytest

from data_prep.errors import StorageError
from data_prep.storage import uris


@pytest.mark.parametrize(
    ("folder", "names", "expected"),
    [
        ("out", ["a"], "out/a"),
        ("out/", ["a", "b"], "out/a/b"),
        ("/", ["a"], "/a"),
        ("", ["a"], "a"),
        ("s3://bucket", ["a", "b.csv"], "s3://bucket/a/b.csv"),
        ("memory://", ["a"], "memory://a"),
        ("gs://bucket/x", ["/a/", "b/"], "gs://bucket/x/a/b"),
    ],
)
def test_join(folder, names, expected):
    assert uris.join(folder, *names) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("a/b.csv", "a"),
        ("/a/b/", "/a"),
        ("b.csv", "."),
        ("/b.csv", "/"),
        ("s3://bucket/a/b.csv", "s3://bucket/a"),
        ("s3://bucket/a/", "s3://bucket"),
        ("memory://a", "memory://"),
        ("memory:///a/b", "memory:///a"),
    ],
)
def test_parent(uri, expected):
    assert uris.parent(uri) == expected


def test_parent_undoes_join():
    for folder in ("a", "/a/b", "s3://bucket/x", "memory://a"):
        assert uris.parent(uris.join(folder, "name")) == folder
        assert uris.name(uris.join(folder, "name.csv")) == "name.csv"


def test_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "store")
    assert uris.absolute("link/a/") == str(tmp_path / "store/a")
    assert uris.absolute(f"file://{tmp_path}/store") == str(tmp_path / "store")
    assert uris.absolute("s3://bucket/a/") == "s3://bucket/a"
    assert uris.absolute("memory://") == "memory://"


@pytest.mark.parametrize("path", ["a/b", "/a", "http: 100%d [x].mp4", "file:///a", "a:b"])
def test_local_paths(path):
    assert uris.is_local(path)


def test_schemes():
    assert not uris.is_local("s3://bucket/a")
    assert uris.split_scheme("GS://bucket/a") == ("gs", "bucket/a")


@pytest.mark.parametrize(
    "uri", ["file:/a/b", "file:///a/b", "file://localhost/a/b", "FILE://LocalHost/a/b"]
)
def test_local_uris_name_their_path(uri):
    assert uris.is_local(uri)
    assert uris.local_path(uri) == "/a/b"
    assert uris.absolute(uri) == "/a/b"


@pytest.mark.parametrize("uri", ["file://server/a", "file://a", "file://localhost"])
def test_files_of_other_hosts_are_refused(uri):
    with pytest.raises(StorageError, match=r"^file://.*: must be file:///PATH, without a host$"):
        uris.is_local(uri)


@pytest.mark.parametrize("uri", ["simplecache::s3://b/x", "filecache::/a", "zip::a.zip"])
def test_chains_are_refused(uri):
    with pytest.raises(StorageError, match="must be a single URI, not a chain with ::"):
        uris.split_scheme(uri)
