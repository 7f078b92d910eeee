import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from serving.server.batcher import Batcher
from serving.server.errors import StatusError


class Doubling:
    """Doubles x, logs the sizes of its batches, and waits in the first one until released."""

    def __init__(self):
        self.sizes, self.started, self.released = [], threading.Event(), threading.Event()

    def __call__(self, inputs):
        self.sizes.append(len(inputs["x"]))
        self.started.set()
        assert self.released.wait(20)
        if np.isnan(inputs["x"]).any():
            raise ValueError("NaN")
        return {"y": 2 * inputs["x"]}


def waiting(batcher, compute, requests):
    """Have a first request computed, and others wait behind it; return all their futures."""
    with ThreadPoolExecutor(20) as pool:
        done = [pool.submit(batcher.run, "kind", {"x": np.array([-1.0])}, compute)]
        assert compute.started.wait(20)
        for kind, values in requests:
            done.append(pool.submit(batcher.run, kind, {"x": np.array(values)}, compute))
            time.sleep(0.02)  # they arrive in this order
        yield
        compute.released.set()
    yield done


def run(batcher, compute, *requests):
    steps = waiting(batcher, compute, requests)
    next(steps)
    return next(steps)


def outputs(done):
    return [each.result()["y"].tolist() for each in done]


def test_an_idle_worker_takes_a_request_at_once():
    compute = Doubling()
    compute.released.set()
    batcher = Batcher(workers=1, largest=4)
    for value in (1.0, 2.0):
        assert batcher.run("kind", {"x": np.array([value])}, compute) == {"y": [2 * value]}
    assert compute.sizes == [1, 1]


def test_requests_that_wait_are_joined_up_to_the_largest_batch_and_get_their_own_outputs():
    compute = Doubling()
    sent = [[1.0], [2.0, 3.0], [4.0], [5.0], [6.0]]
    done = run(Batcher(1, largest=4), compute, *(("kind", values) for values in sent))
    assert outputs(done) == [[-2.0]] + [[2 * x for x in values] for values in sent]
    assert compute.sizes == [1, 4, 2]


@pytest.mark.parametrize(
    ("kinds", "largest"),
    [(["a", "b"], 4), ([None, None], 4), (["a", "a"], 1)],
    ids=["kinds differ", "no kind", "joining is off"],
)
def test_others_are_not_joined(kinds, largest):
    compute = Doubling()
    done = run(Batcher(1, largest), compute, *((kind, [1.0]) for kind in kinds))
    assert outputs(done) == [[-2.0], [2.0], [2.0]]
    assert compute.sizes == [1, 1, 1]


def test_a_request_larger_than_the_largest_batch_is_computed_alone():
    compute = Doubling()
    done = run(Batcher(1, 2), compute, ("kind", [1.0, 2.0, 3.0]), ("kind", [4.0]))
    assert outputs(done)[1:] == [[2.0, 4.0, 6.0], [8.0]]
    assert compute.sizes == [1, 3, 1]


def test_an_error_concerns_only_its_own_request():
    compute = Doubling()
    done = run(Batcher(1, 4), compute, ("kind", [1.0]), ("kind", [np.nan]), ("kind", [2.0]))
    with pytest.raises(ValueError, match="NaN"):
        done.pop(2).result()
    assert outputs(done) == [[-2.0], [2.0], [4.0]]


def test_outputs_that_do_not_count_examples_are_computed_one_by_one():
    class Summing(Doubling):
        def __call__(self, inputs):
            return {"y": super().__call__(inputs)["y"].sum(keepdims=True)}

    done = run(Batcher(1, 4), Summing(), ("kind", [1.0, 1.0]), ("kind", [2.0]))
    assert outputs(done) == [[-2.0], [4.0], [4.0]]


def test_as_many_batches_run_as_there_are_workers():
    compute, batcher = Doubling(), Batcher(workers=2, largest=4)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(batcher.run, "kind", {"x": np.ones(1)}, compute) for _ in range(2)]
        end = time.monotonic() + 20
        while compute.sizes != [1, 1]:
            assert time.monotonic() < end
            time.sleep(0.005)
        compute.released.set()
    assert outputs(both) == [[2.0], [2.0]]


def test_the_end_refuses_what_waits_and_finishes_what_runs():
    compute, batcher = Doubling(), Batcher(workers=1, largest=2)
    steps = waiting(batcher, compute, [("kind", [1.0])] * 3 + [("other", [2.0])])
    next(steps)
    batcher.close()
    running, *refused = next(steps)
    assert outputs([running]) == [[-2.0]]
    for each in refused:
        with pytest.raises(StatusError, match="server: ends") as caught:
            each.result()
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert compute.sizes == [1]
