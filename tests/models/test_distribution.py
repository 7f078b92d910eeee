"""Training on several devices or workers equals training on one."""

import signal
import time

import numpy as np
import pytest
from worker_cluster import BOUND, environments, reserved_addresses

pytestmark = pytest.mark.slow

STEPS = 40

CONFIG = {
    "steps": 4,
    "batch": 4,
    "log_every": 1,
    "checkpoint_every": 2,
    "re_pair": True,
    "augment": {"flip": True, "color": 0.2, "gain": 3},
}
TRAININGS = {
    # The gradients' norm is about 1.
    "clipped": {
        "norm": "batch",
        "config": {
            **CONFIG,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "clip_norm": 0.3,
            "ema": 0.5,
        },
    },
    # The optimizer and the limit by default.
    "default": {"norm": "group", "config": CONFIG},
    "bfloat16": {
        "norm": "batch",
        "config": {**CONFIG, "precision": "mixed_bfloat16", "learning_rate": 1e-4},
    },
    "workers": {
        "norm": "batch",
        "config": {
            **CONFIG,
            "steps": STEPS,
            "checkpoint_every": 3,
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "clip_norm": 0.3,
            "ema": 0.9,
        },
    },
}
TOLERANCES = {"clipped": 1e-5, "default": 2e-4, "bfloat16": 5e-3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def train(start_training, folder):
    """Gives a function that starts a training on devices, or as a worker."""

    def start(name, out, shared, **more):
        given = {"system": "c3_internal", **TRAININGS[name], **more}
        return start_training(folder / out, folder / shared, **given)

    return start


def assert_same(found, expected, atol):
    assert set(found) == set(expected)
    for name in set(found) - {"chief"}:
        np.testing.assert_allclose(found[name], expected[name], atol=atol, err_msg=name)


@pytest.fixture(scope="module", params=TOLERANCES)
def devices(request, train, folder):
    """Name of a training, and its results on one device and on two."""
    name = request.param
    assert train(name, name, name, devices=(1, 2)).wait() == 0
    return name, *(np.load(folder / f"{name}-{count}.npz") for count in (1, 2))


def test_two_devices_train_as_one(devices):
    name, one, two = devices
    assert_same(two, one, TOLERANCES[name])


@pytest.fixture
def start_workers(train, folder):
    """Gives a function that starts a chief and a worker in a folder that they share."""
    started = []

    def start(addresses, shared, **more):
        workers = [
            train("workers", f"{shared}-{index}", shared, environment=environment, **more)
            for index, environment in enumerate(environments(addresses))
        ]
        started.extend(workers)
        return workers

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


def results(folder, shared):
    return [np.load(folder / f"{shared}-{index}.npz") for index in range(2)]


def wait_for(step, file, workers):
    while not file.exists() or int(file.read_text() or 0) < step:
        assert [worker.poll() for worker in workers] == [None, None]
        time.sleep(0.001)


def test_workers_train_as_one_and_the_chief_writes(train, start_workers, folder):
    with reserved_addresses(2) as addresses:
        workers = start_workers(addresses, "whole")
        assert [worker.wait() for worker in workers] == [0, 0]
    found = results(folder, "whole")
    assert [bool(each["chief"]) for each in found] == [True, False]
    assert len(list((folder / "whole" / "logs").iterdir())) == 1
    assert train("workers", "alone", "alone", devices=(1,)).wait() == 0
    for each in found:
        assert_same(each, np.load(folder / "alone-1.npz"), atol=1e-4)


def test_workers_whose_peer_dies_end_and_resume_as_if_it_had_not(start_workers, folder):
    for victim, step in ((1, 5), (0, 20)):
        with reserved_addresses(2) as addresses:
            workers = start_workers(addresses, "parts")
            wait_for(step, folder / "parts" / "step", workers)
            workers[victim].send_signal(signal.SIGKILL)
            assert workers[1 - victim].wait(timeout=BOUND) != 0
        (folder / "parts" / "step").unlink()
    with reserved_addresses(2) as addresses:
        workers = start_workers(addresses, "parts")
        assert [worker.wait() for worker in workers] == [0, 0]
    for parts, whole in zip(results(folder, "parts"), results(folder, "whole"), strict=True):
        count = len(parts["losses"])
        assert count < STEPS, "the run was resumed"
        expected = {**whole, "losses": whole["losses"][-count:]}
        assert_same(parts, expected, atol=1e-6)
