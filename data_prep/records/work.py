"""Account of the work that the making of mixtures takes."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from pydantic import Field

from data_prep.results import Results


class Work(Results):
    """What the making of mixtures took.

    Attributes:
        windows: clips that were read.
        bytes_read: bytes of the videos that decoders were given; a store hands out whole blocks of
            512 kB, and files of up to 4 MB whole.
        seconds: wall time of all workers together, by step.
    """

    windows: int = 0
    bytes_read: int = 0
    seconds: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """Add up the work of several shards."""
        meter = WorkMeter()
        for part in parts:
            meter.windows += part.windows
            meter.bytes_read += part.bytes_read
            for step, seconds in part.seconds.items():
                meter.seconds[step] += seconds
        return cls(**meter.read().model_dump())


class WorkMeter:
    """Measures the work of one shard. Its attributes are those of `Work`."""

    def __init__(self) -> None:
        self.windows = 0
        self.bytes_read = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that a block takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def read(self) -> Work:
        """Return what has been measured."""
        seconds = {step: round(value, 3) for step, value in sorted(self.seconds.items())}
        return Work(windows=self.windows, bytes_read=self.bytes_read, seconds=seconds)
