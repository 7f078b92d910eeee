"""Engines and stores of the tests, and the commands that use them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
import pytest
from servers import STORES, free_port, python, server

from data_prep.config import ClipConfig, DataConfig

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


def require_stores(name: str) -> Path:
    path = STORES / name
    if not path.exists():
        pytest.fail(f"{path}: must be installed; run `make stores`")
    return path


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
