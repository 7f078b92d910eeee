"""What separates the windows of a video: a client, or anything like it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from serving.description import ModelDescription


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
