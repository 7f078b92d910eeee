"""Training on several devices and by several workers is training on one."""

import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROBE = Path(__file__).with_name("distributed_probe.py")
CONFIG = {
    **{"steps": 3, "batch": 4, "log_every": 1, "checkpoint_every": 2},
    **{"optimizer": "sgd", "learning_rate": 0.1, "clip_norm": 0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def start(records, folder):
    """Gives a function that starts a training, and returns its process and where its result is."""
    number = itertools.count()

    def run(name, *, system="c3_internal", devices=1, environment=(), **config):
        settings = {
            **{"system": system, "devices": devices, "config": {**CONFIG, **config}},
            **{"train": records.train, "eval": records.eval, "folder": str(folder / name)},
        }
        out = folder / f"{name}-{next(number)}.npz"
        words = [sys.executable, str(PROBE), str(out), json.dumps(settings)]
        return subprocess.Popen(words, env={**os.environ, **dict(environment)}), out

    return run


def result(process, out):
    assert process.wait(timeout=300) == 0
    return dict(np.load(out))


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in found.keys() - {"chief"}:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def one(start):
    """What training on one device gives."""
    return result(*start("one"))


def test_two_devices_train_as_one(start, one):
    assert_same(result(*start("two", devices=2)), one)


def test_two_workers_train_as_one_and_the_chief_writes(start, one, folder):
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
    workers = []
    for index in range(2):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        workers.append(start("both", environment={"TF_CONFIG": json.dumps(task)}.items()))
    found = [result(*worker) for worker in workers]
    assert [bool(each["chief"]) for each in found] == [True, False]
    assert len(list((folder / "both" / "logs").iterdir())) == 1
    for each in found:
        assert_same(each, one)
