"""A small sample, the records that an undisturbed run makes of it, and engines to make them on."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from clusters import (
    CONFIG,
    SHARDS,
    Engine,
    Store,
    dask_cluster,
    environment,
    records,
    require_stores,
    run,
)
from servers import free_port, python, server

from data_prep.sample.write import write_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("engines") / "sample"
    write_sample(str(folder), clips=8, classes=2)
    return folder


@pytest.fixture(scope="session")
def work(sample) -> Path:
    """A folder with `manifest.csv` and `config.yaml`."""
    work = sample.parent
    (work / "config.yaml").write_text(json.dumps(CONFIG.model_dump()))
    run(["index", "--videos", str(sample / "videos"), "--output", str(work / "manifest.csv")])
    return work


@pytest.fixture(scope="session")
def generating(work) -> Callable[..., list[str]]:
    """Give the function that returns the command that makes a data set."""

    def words(output: object, engine: Engine | None = None, manifest: str = "") -> list[str]:
        command = ["generate", "--manifest", manifest or str(work / "manifest.csv")]
        command += ["--config", str(work / "config.yaml"), "--output", str(output)]
        return command + (engine.options if engine else [])

    return words


@pytest.fixture(scope="session")
def clean(work, generating) -> dict[str, bytes]:
    """The records of an undisturbed run in one process."""
    run(generating(work / "clean"))
    found = records(str(work / "clean"))
    assert len(found) == SHARDS
    return found


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[Store]:
    """A server of S3's interface with an empty bucket; this process is its client as well."""
    port = free_port()
    env = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [str(require_stores("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    log = tmp_path_factory.mktemp("s3") / "log"
    with pytest.MonkeyPatch.context() as patch, server(command, port, log, environment()):
        for key, value in env.items():
            patch.setenv(key, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # of another server's
        fsspec.filesystem("s3").mkdir("data")
        yield Store("s3://data", env, port)


@pytest.fixture(scope="module")
def gcs(tmp_path_factory) -> Iterator[Store]:
    """An emulator of Google's store with an empty bucket; this process is its client as well."""
    port = free_port()
    env = {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
        # gcsfs would ask Google itself about each bucket.
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
    }
    command = [str(require_stores("gcp-storage-emulator")), "start", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--in-memory", "--default-bucket", "data"]
    log = tmp_path_factory.mktemp("gcs") / "log"
    with pytest.MonkeyPatch.context() as patch, server(command, port, log, environment()):
        for key, value in env.items():
            patch.setenv(key, value)
        yield Store("gs://data", env, port)


@pytest.fixture(scope="module")
def portable(request, tmp_path_factory) -> Iterator[Engine]:
    """Beam's own job service and our worker pool, or the job server at JOB_ENDPOINT.

    JOB_OPTIONS are the options that the latter needs, separated by spaces.
    """
    if endpoint := os.environ.get("JOB_ENDPOINT"):
        given = os.environ.get("JOB_OPTIONS", "").split()
        yield Engine(["--runner=PortableRunner", f"--job_endpoint={endpoint}", *given])
        return
    logs = tmp_path_factory.mktemp("portable")
    pool, service = free_port(), free_port()
    started = python("data_prep", "worker-pool", "--port", str(pool))
    module = "apache_beam.runners.portability.local_job_service_main"
    with (
        server(started, pool, logs / "pool", environment()) as pool_pid,
        server(python(module, "--port", str(service)), service, logs / "service", environment()),
    ):
        options = ["--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{service}"]
        options += ["--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{pool}"]
        yield Engine(options, {"pool": pool_pid}, logs / "pool")


@pytest.fixture(scope="module")
def dask(tmp_path_factory) -> Iterator[Engine]:
    """A scheduler and two workers as processes."""
    with dask_cluster(tmp_path_factory.mktemp("dask")) as engine:
        yield engine
