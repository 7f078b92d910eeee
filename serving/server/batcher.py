"""Joins small requests into batches, which take less time than the same requests one by one."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future

import numpy as np

from serving.server.errors import unavailable

Arrays = dict[str, np.ndarray]
"""Name -> array; the first axis counts the examples."""


class Batcher:
    """Computes requests in a number of threads, and joins those that wait for one.

    A request never waits to be joined: the first one that finds all workers busy opens a batch,
    which takes others until a worker is free. Threads may share it.
    """

    def __init__(self, workers: int, largest: int) -> None:
        """Create it.

        Args:
            workers: batches that are computed at the same time.
            largest: examples in a batch of several requests; 1 to join none.
        """
        self._largest = largest
        self._free = threading.Semaphore(workers)
        self._closed = False
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Batch] = {}
        self._running = 0

    @property
    def running(self) -> int:
        """Requests that are computed now, joined or not."""
        return self._running

    def close(self) -> None:
        """Refuse requests that wait, and all later ones."""
        self._closed = True
        # Whoever is woken by this is refused and wakes the next one.
        self._free.release()

    def run(
        self, kind: Hashable | None, inputs: Arrays, compute: Callable[[Arrays], Arrays]
    ) -> Arrays:
        """Return a request's outputs.

        Args:
            kind: requests of equal kinds may be computed as one; None for this one only.
            inputs: arrays with the same number of examples.
            compute: computes the outputs of a batch of this kind, example by example.

        Raises:
            StatusError: UNAVAILABLE if the server ends before the request is computed.
            Exception: whatever `compute` raises for this request.
        """
        request = _Request(inputs)
        batch = self._join(kind, request)
        if batch.requests[0] is request:
            self._lead(kind, batch, compute)
        return request.outputs.result()

    def _join(self, kind: Hashable | None, request: "_Request") -> "_Batch":
        """Return the batch that the request is part of."""
        if kind is None:
            return _Batch(request)
        with self._lock:
            batch = self._open.get(kind)
            if batch is not None and batch.examples + request.examples <= self._largest:
                batch.requests.append(request)
                return batch
            self._open[kind] = _Batch(request)
            return self._open[kind]

    def _lead(
        self, kind: Hashable | None, batch: "_Batch", compute: Callable[[Arrays], Arrays]
    ) -> None:
        """Wait for a worker, and compute the batch with all that joined it meanwhile."""
        with self._free:
            with self._lock:
                if self._open.get(kind) is batch:
                    del self._open[kind]
            if self._closed:
                batch.refuse()
                return
            self._count(len(batch.requests))
            try:
                batch.compute(compute)
            finally:
                self._count(-len(batch.requests))

    def _count(self, requests: int) -> None:
        with self._lock:
            self._running += requests


class _Request:
    """Inputs, and the outputs once they are computed."""

    def __init__(self, inputs: Arrays) -> None:
        self.inputs = inputs
        self.examples = len(next(iter(inputs.values()), ()))
        self.outputs: Future[Arrays] = Future()

    def compute(self, compute: Callable[[Arrays], Arrays]) -> None:
        try:
            self.outputs.set_result(compute(self.inputs))
        except Exception as error:
            self.outputs.set_exception(error)


class _Batch:
    """Requests that are computed as one, of which the first one leads."""

    def __init__(self, first: _Request) -> None:
        self.requests = [first]

    @property
    def examples(self) -> int:
        return sum(request.examples for request in self.requests)

    def refuse(self) -> None:
        """Set an error for each request, which its own thread raises."""
        for request in self.requests:
            request.outputs.set_exception(unavailable())

    def compute(self, compute: Callable[[Arrays], Arrays]) -> None:
        """Set the outputs of all requests."""
        try:
            parts = self._parts(compute) if len(self.requests) > 1 else None
        except Exception:  # one of them may be the reason
            parts = None
        if parts is None:
            for request in self.requests:
                request.compute(compute)
        else:
            for request, outputs in zip(self.requests, parts, strict=True):
                request.outputs.set_result(outputs)

    def _parts(self, compute: Callable[[Arrays], Arrays]) -> list[Arrays]:
        """Return the outputs of each request, computed as one batch."""
        names = self.requests[0].inputs
        outputs = compute(
            {name: np.concatenate([r.inputs[name] for r in self.requests]) for name in names}
        )
        ends = np.cumsum([request.examples for request in self.requests])
        if any(len(array) != ends[-1] for array in outputs.values()):
            raise ValueError("outputs: must have as many examples as the inputs")
        split = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
        return [{name: split[name][i] for name in split} for i in range(len(ends))]
