"""A small sample, the records that an undisturbed run makes of it, and engines to make them on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
import pytest
from servers import STORES, free_port, python, server

from data_prep.config import ClipConfig, DataConfig
from data_prep.sample.write import write_sample

CONFIG = DataConfig(
    clip=ClipConfig(frames=8, fps=8, height=32, width=32, short_side=36),
    train_mixtures=24,
    eval_mixtures=4,
    records_per_shard=2,
)
SHARDS = 14


@dataclass
class Engine:
    """Somewhere to run a pipeline.

    Attributes:
        options: what `generate` is told.
        pids: process ids of its workers or servers, by name.
        log: what its worker pool says.
    """

    options: list[str] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    log: Path = Path()


@dataclass
class Store:
    """An object store with a bucket for data.

    Attributes:
        root: the bucket.
        env: environment variables of its clients.
        port: its port.
    """

    root: str
    env: dict[str, str]
    port: int


def environment(store: Store | None = None) -> dict[str, str]:
    """Return the environment of a command or a server."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return kept | (store.env if store else {})


def start(args: list[str], store: Store | None = None, cwd: str = "/") -> subprocess.Popen[str]:
    """Start a command of data_prep."""
    return subprocess.Popen(
        [sys.executable, "-m", "data_prep", *args],
        env=environment(store),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(args: list[str], store: Store | None = None) -> str:
    """Run a command of data_prep, and return what it wrote to stderr."""
    process = start(args, store)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return error


def records(folder: str) -> dict[str, bytes]:
    """Return the records of a data set, here or in a store, by split and file."""
    store, path = fsspec.url_to_fs(folder, use_listings_cache=False)
    files = [file for split in ("train", "eval") for file in store.find(f"{path}/{split}")]
    return {file[len(path) :].lstrip("/"): store.cat_file(file) for file in files}


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
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("data")
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


def require_stores(name: str) -> Path:
    path = STORES / name
    if not path.exists():
        pytest.fail(f"{path}: must be installed; run `make stores`")
    return path


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


@contextmanager
def dask_cluster(folder: Path) -> Iterator[Engine]:
    port, workers = free_port(), (free_port(), free_port())
    address = f"tcp://127.0.0.1:{port}"
    common = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = python("distributed.cli.dask_scheduler", "--port", str(port), *common)
    worker = [*python("distributed.cli.dask_worker", address), *common]
    worker += ["--nthreads", "1", "--nworkers", "1", "--no-nanny"]

    def one(number: int) -> list[str]:
        own = [
            "--worker-port",
            str(workers[number]),
            "--local-directory",
            str(folder / str(number)),
        ]
        return [*worker, *own]

    env = environment()
    with (
        server(scheduler, port, folder / "scheduler", env) as pid,
        server(one(0), workers[0], folder / "worker0", env) as first,
        server(one(1), workers[1], folder / "worker1", env) as second,
    ):
        options = ["--runner=DaskRunner", f"--dask_client_address={address}"]
        yield Engine(options, {"scheduler": pid, "worker": first, "other worker": second})
