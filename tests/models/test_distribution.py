"""Training on several devices or workers equals training on one, but for batch statistics."""

import json
import socket
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

pytestmark = pytest.mark.slow

CONFIG = {
    "steps": 3,
    "batch": 4,
    "log_every": 1,
    "checkpoint_every": 2,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "clip_norm": 0,
}
TRAINING = {"system": "c3_internal", "config": CONFIG}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def devices(start_training, folder):
    """Results of training on one device and on two."""
    out = folder / "devices"
    assert start_training(out, out, **TRAINING, devices=(1, 2)).wait() == 0
    return [np.load(folder / f"devices-{count}.npz") for count in (1, 2)]


@contextmanager
def reserved_addresses(count):
    """Give addresses that nobody else gets, and that may be listened on by who reuses ports."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind(("127.0.0.1", 0))
        yield [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name in set(found) - {"chief"}:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)


def test_two_devices_train_as_one(devices):
    one, two = devices
    assert_same(two, one)


def test_two_workers_train_as_one_and_the_chief_writes(start_training, devices, folder):
    with reserved_addresses(2) as addresses:
        workers = []
        for index in range(2):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {"TF_CONFIG": json.dumps(task), "TF_GRPC_REUSE_PORT": "1"}
            out, both = folder / f"worker-{index}", folder / "both"
            workers.append(start_training(out, both, **TRAINING, environment=environment))
        assert [worker.wait() for worker in workers] == [0, 0]
    found = [np.load(folder / f"worker-{index}.npz") for index in range(2)]
    assert [bool(each["chief"]) for each in found] == [True, False]
    assert len(list((folder / "both" / "logs").iterdir())) == 1
    for each in found:
        assert_same(each, devices[0])
