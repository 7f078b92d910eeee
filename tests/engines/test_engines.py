"""The same records on every engine, from disk and from an object store."""

import filecmp
import shutil

import fsspec
import pytest
from clusters import Engine, Store, records, run

pytestmark = pytest.mark.slow

WORKERS = pytest.mark.parametrize("engine", ["processes", "portable", "dask"])


@pytest.fixture(scope="module")
def engines(s3, portable, dask) -> dict[str, Engine]:
    """Every engine, whose workers are clients of the store."""
    return {"processes": Engine(["--workers", "2"]), "portable": portable, "dask": dask}


@pytest.fixture(scope="module")
def remote(s3, sample, engines) -> Store:
    """The store, with the videos and a manifest."""
    fsspec.filesystem("s3").put(str(sample), f"{s3.root}/sample", recursive=True)
    videos, manifest = f"{s3.root}/sample/videos", f"{s3.root}/manifest.csv"
    run(["index", "--videos", videos, "--output", manifest, *engines["dask"].options], s3)
    return s3


@WORKERS
def test_records_from_disk(engine, engines, generating, clean, tmp_path):
    run(generating(tmp_path / "out", engines[engine]))
    assert records(str(tmp_path / "out")) == clean


@WORKERS
def test_records_from_store_to_store(engine, engines, remote, generating, clean):
    output = f"{remote.root}/{engine}"
    run(generating(output, engines[engine], f"{remote.root}/manifest.csv"), remote)
    assert records(output) == clean
    run(["validate", output], remote)


def test_manifest_of_a_store(remote, sample, work):
    text = fsspec.filesystem("s3").cat_file(f"{remote.root}/manifest.csv").decode()
    assert text.replace(f"{remote.root}/sample", str(sample)) == (work / "manifest.csv").read_text()


@pytest.mark.parametrize("engine", ["portable", "dask"])
def test_manifest(engine, engines, sample, work, tmp_path):
    output = tmp_path / "manifest.csv"
    videos = str(sample / "videos")
    run(["index", "--videos", videos, "--output", str(output), *engines[engine].options])
    assert filecmp.cmp(output, work / "manifest.csv", shallow=False)


def test_a_damaged_video_is_rejected_on_an_engine(engines, sample, tmp_path):
    videos = shutil.copytree(sample / "videos", tmp_path / "videos")
    victim = sorted(videos.rglob("*.mp4"))[0]
    victim.write_bytes(victim.read_bytes()[:500])
    output = str(tmp_path / "manifest.csv")
    run(["index", "--videos", str(videos), "--output", output, *engines["dask"].options])
    assert victim.name in (tmp_path / "rejected.csv").read_text()
