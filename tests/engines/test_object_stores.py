"""Real object stores: what they hold, what happens when they are away, and who may use them."""

import threading
import time
from contextlib import contextmanager

import fsspec
import pytest
from clusters import CONFIG, Store, records, run, start
from servers import Gate, free_port

from data_prep import storage
from data_prep.errors import StorageError
from data_prep.generate import generate
from data_prep.sources import manifest
from data_prep.storage import retries

pytestmark = pytest.mark.slow


@pytest.fixture(params=["s3", "gcs"])
def store(request) -> Store:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def videos(work):
    return manifest.read(str(work / "manifest.csv"))


@pytest.fixture
def gated(s3, monkeypatch) -> Store:
    """The store behind a gate; clients do not try again themselves."""
    gate = Gate(s3.port)
    env = s3.env | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{gate.port}", "AWS_MAX_ATTEMPTS": "1"}
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield Store(s3.root, env, gate)
    gate.close()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@contextmanager
def after_some_shards(s3: Store, output: str, action):
    """Do something once a few shards of a data set are in the store."""
    server = fsspec.filesystem(
        "s3", endpoint_url=s3.env["AWS_ENDPOINT_URL"], use_listings_cache=False
    )
    done = threading.Event()

    def watch():
        while not done.wait(0.05):
            if len(server.find(f"{output}/progress/reports")) > 2:
                action()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_from_videos_to_records(store, sample, generating, clean):
    fsspec.url_to_fs(store.root)[0].put(str(sample), f"{store.root}/sample", recursive=True)
    listing, output = f"{store.root}/manifest.csv", f"{store.root}/out"
    run(["index", "--videos", f"{store.root}/sample/videos", "--output", listing], store)
    run(generating(output, manifest=listing), store)
    assert records(output) == clean
    before = {file: storage.read_bytes(file) for file in storage.list_files(output)}
    run(generating(output, manifest=listing), store)
    assert {file: storage.read_bytes(file) for file in storage.list_files(output)} == before
    run(["validate", output], store)


def test_a_store_that_is_away_for_a_while(s3, gated, generating, clean):
    output = f"{s3.root}/away"
    gate = gated.port

    def take_away():
        gate.close()
        time.sleep(12)
        gate.open()

    with after_some_shards(s3, output, take_away):
        process = start(generating(output), gated)
        _, error = process.communicate(timeout=200)
    assert process.returncode == 0, error
    assert "trying again in 8 s" in error
    assert records(output) == clean


def test_a_store_that_stays_away_is_an_error(s3, gated, videos, clean, monkeypatch):
    monkeypatch.setattr(retries, "PATIENCE", 1.0)
    output = f"{s3.root}/gone"
    with (
        after_some_shards(s3, output, gated.port.close),
        pytest.raises(StorageError, match="Could not connect to the endpoint"),
    ):
        generate(videos, output, CONFIG)
    gated.port.open()
    assert not storage.exists(f"{output}/COMPLETED")
    generate(videos, output, CONFIG)
    assert records(output) == clean
    assert storage.exists(f"{output}/COMPLETED")


def refused(args: list[str], store: Store) -> str:
    """Run a command that fails, and return its one line."""
    process = start(args, store)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    [line] = error.splitlines()
    return line


def test_a_store_that_never_answers_is_an_error_soon(s3, generating):
    env = s3.env | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    line = refused(generating(f"{s3.root}/x"), Store(s3.root, env, 0))
    assert "Could not connect to the endpoint URL" in line


def test_missing_credentials_are_one_line(s3, generating):
    env = s3.env | {"AWS_EC2_METADATA_DISABLED": "true"}
    env |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    line = refused(generating(f"{s3.root}/x"), Store(s3.root, env, 0))
    assert "Unable to locate credentials" in line


def test_a_missing_bucket_is_one_line(store, generating):
    scheme = store.root.partition(":")[0]
    line = refused(generating(f"{scheme}://no-such-bucket/x"), store)
    assert line.startswith(f"error: {scheme}://no-such-bucket/x")
