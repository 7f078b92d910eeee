"""Bounds on the predictions that run and wait at the same time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import grpc

from serving.server.errors import StatusError


class AdmittedCall(Protocol):
    """What admission needs of a call: `grpc.ServicerContext` has it, and calls over HTTP do."""

    def is_active(self) -> bool:
        """Return whether the client still waits for the answer."""

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Have a function called when the call ends; return whether it has not."""


class Admission:
    """Lets a number of calls run, has others wait in their order, and refuses the rest.

    A call that waits has not read its message yet, so it costs a thread but no memory for tensors.
    Threads may share it.
    """

    def __init__(self, workers: int, queue: int) -> None:
        """Create it.

        Args:
            workers: calls that run at the same time.
            queue: calls that wait at the same time.
        """
        self._workers = workers
        self._queue = queue
        self._running = 0
        self._waiting: deque[object] = deque()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._running

    @property
    def waiting(self) -> int:
        """Calls that wait now."""
        return len(self._waiting)

    def close(self) -> None:
        """Refuse calls that wait, and all later ones."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextmanager
    def admit(self, call: AdmittedCall) -> Iterator[None]:
        """Wait until the call may run, and count it as running inside the context.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if too many calls wait already; UNAVAILABLE if the
                server ends; CANCELLED if the client has gone.
        """
        self._enter(call)
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _enter(self, call: AdmittedCall) -> None:
        with self._changed:
            if self._running + len(self._waiting) >= self._workers + self._queue:
                raise StatusError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"predictions: at most {self._workers} run and {self._queue} wait, "
                    "try again later",
                )
            turn = object()
            self._waiting.append(turn)
            call.add_callback(self._wake)
            try:
                while not self._may_run(turn, call):
                    self._changed.wait()
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
            self._running += 1

    def _may_run(self, turn: object, call: AdmittedCall) -> bool:
        """Return whether it is a call's turn, or raise why it never will be."""
        if self._closed:
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "server: ends, try another one")
        if not call.is_active():
            raise StatusError(grpc.StatusCode.CANCELLED, "request: its client has gone")
        return self._running < self._workers and self._waiting[0] is turn

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
