"""What separates the windows of a video: a client, or anything like it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import numpy as np

from serving.description import ModelDescription

Item = TypeVar("Item")
Result = TypeVar("Result")


class ClipSeparator(Protocol):
    """A model that separates clips; threads share it. `serving.SeparationClient` is one."""

    @property
    def version(self) -> int | None:
        """The version that is asked; None if the server chooses it."""
        ...

    def served_version(self) -> int:
        """Return the version that answers."""
        ...

    def at_version(self, version: int) -> "ClipSeparator":
        """Return the same model, of which only this version answers."""
        ...

    def description(self) -> ModelDescription:
        """Return the model's kind, system, control mode and clips."""
        ...

    def separate(self, video: np.ndarray, audio: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Separate a clip; see `SeparationClient.separate`."""
        ...


@contextmanager
def asking_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads for calls of a separator, of which an error or an interruption waits for none.

    Calls that have not begun are dropped. Those that wait for a server's answer end when its
    client is closed.
    """
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
) -> Iterator[Result]:
    """Call a function on items in threads, and yield its results in the order of the items.

    Args:
        pool: the threads.
        function: the function.
        items: read as calls begin, by the thread that iterates.
        ahead: calls that may begin before the result of the first of them is taken.
    """
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) >= ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
