"""Bounds on calls that are no predictions, so that they keep no others out."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from serving.server.errors import StatusError


class OpenCalls:
    """Counts the open calls of each method by itself, and refuses those beyond a number.

    Threads may share it.
    """

    def __init__(self, most: int) -> None:
        """Create it.

        Args:
            most: open calls of one method.
        """
        self._most = most
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def counted(self, method: str) -> Iterator[None]:
        """Count a call inside the context; see `begin`."""
        self.begin(method)
        try:
            yield
        finally:
            self.end(method)

    def begin(self, method: str) -> None:
        """Count a call from now on.

        Args:
            method: `/PACKAGE.SERVICE/METHOD`.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if too many calls of the method are open already.
        """
        with self._lock:
            if self._open[method] >= self._most:
                raise StatusError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{method}: at most {self._most} calls may be open, try again later",
                )
            self._open[method] += 1

    def end(self, method: str) -> None:
        """Count a call no longer."""
        with self._lock:
            self._open[method] -= 1
