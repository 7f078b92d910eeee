"""Bounds on the predictions that are held in memory and that wait at the same time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import grpc

from serving.server.errors import StatusError, unavailable


class AdmittedCall(Protocol):
    """What admission needs of a call: `grpc.ServicerContext` has it, and calls over HTTP do."""

    def is_active(self) -> bool:
        """Return whether the client still waits for the answer."""

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Have a function called when the call ends; return whether it has not."""


class Admission:
    """Lets a number of calls in, has others wait in their order, and refuses the rest.

    A call that waits has not read its message yet, so it costs a thread but no memory for tensors.
    Of those that are let in, `workers` may have a large message. The others are small, so that
    there are some to be joined; together, they are no larger than as many large ones. Threads may
    share it.
    """

    def __init__(self, workers: int, queue: int, join: int, largest: int) -> None:
        """Create it.

        Args:
            workers: calls that are let in at the same time if their messages are large.
            queue: calls beyond as many that are not refused.
            join: how many times as many are let in if their messages are small.
            largest: bytes of the largest message; one of 1/`join` of it is small.
        """
        self._workers = workers
        self._queue = queue
        self._most = workers * join
        self._small = largest // join
        self._admitted = 0
        self._large = 0
        self._waiting: deque[object] = deque()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def admitted(self) -> int:
        """Calls that are let in."""
        return self._admitted

    @property
    def waiting(self) -> int:
        """Calls that are not let in yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Refuse calls that wait, and all later ones."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextmanager
    def admit(self, call: AdmittedCall) -> Iterator[None]:
        """Wait until the call is let in, and count it as a large one inside the context.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if too many calls wait already; UNAVAILABLE if the
                server ends; CANCELLED if the client has gone.
        """
        self._enter(call)
        try:
            yield
        finally:
            self._count(admitted=-1, large=-1)

    @contextmanager
    def admit_message(self, call: AdmittedCall, read: Callable[[], bytes]) -> Iterator[bytes]:
        """Wait until the call is let in, read its message, and let another one in if it is small.

        Args:
            call: the call.
            read: reads the message.

        Raises:
            StatusError: as for `admit`.
        """
        self._enter(call)
        large = 1
        try:
            message = read()
            if len(message) <= self._small:
                large = 0
                self._count(large=-1)
            yield message
        finally:
            self._count(admitted=-1, large=-large)

    def _enter(self, call: AdmittedCall) -> None:
        with self._changed:
            if self._admitted + len(self._waiting) >= self._workers + self._queue:
                raise StatusError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"predictions: at most {self._workers + self._queue} may run or wait, "
                    "try again later",
                )
            turn = object()
            self._waiting.append(turn)
            call.add_callback(self._wake)
            try:
                while not self._may_enter(turn, call):
                    self._changed.wait()
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
            self._admitted += 1
            self._large += 1

    def _may_enter(self, turn: object, call: AdmittedCall) -> bool:
        """Return whether it is a call's turn, or raise why it never will be."""
        if self._closed:
            raise unavailable()
        if not call.is_active():
            raise StatusError(grpc.StatusCode.CANCELLED, "request: its client has gone")
        free = self._large < self._workers and self._admitted < self._most
        return free and self._waiting[0] is turn

    def _count(self, admitted: int = 0, large: int = 0) -> None:
        with self._changed:
            self._admitted += admitted
            self._large += large
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
