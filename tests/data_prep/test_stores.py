"""Stores by scheme, and their errors."""

import socket

import fsspec
import numpy as np
import pytest

from data_prep import storage
from data_prep.errors import StorageError
from data_prep.storage import stores


class BrokenStore(fsspec.AbstractFileSystem):
    """A store whose every operation fails with an unknown class of error, on two lines."""

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

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
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


def test_a_store_that_cannot_be_reached_is_an_error_at_once(monkeypatch):
    def offline(address, timeout):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    stores._require_google.cache_clear()
    monkeypatch.setattr(stores, "getproxies", dict)
    monkeypatch.setattr(socket, "create_connection", offline)
    with pytest.raises(StorageError) as caught:
        storage.exists("gs://bucket/a")
    assert str(caught.value) == (
        "gs://bucket/a: storage.googleapis.com cannot be reached: Name or service not known"
    )
