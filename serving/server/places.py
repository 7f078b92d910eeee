"""Bounds on calls that are no predictions, so that none of them take the places of others."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from serving.server.errors import StatusError


class Places:
    """Counts the open calls of each method, and refuses those beyond a number.

    No method takes the places of another. Threads may share it.
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
    def hold(self, method: str) -> Iterator[None]:
        """Hold a place of a method inside the context; see `take`."""
        self.take(method)
        try:
            yield
        finally:
            self.give_back(method)

    def take(self, method: str) -> None:
        """Take a place of a method.

        Args:
            method: `/PACKAGE.SERVICE/METHOD`.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if there is none.
        """
        with self._lock:
            if self._open[method] >= self._most:
                raise StatusError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{method}: at most {self._most} calls may be open, try again later",
                )
            self._open[method] += 1

    def give_back(self, method: str) -> None:
        """Give a place of a method back."""
        with self._lock:
            self._open[method] -= 1
