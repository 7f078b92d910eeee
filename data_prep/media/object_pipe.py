"""Python objects through pipes, between a process and its child."""

import os
import pickle
import select
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

_COUNT = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
PIPE_BYTES = 2**20
"""As much as a pipe can hold by Linux' defaults."""


class ObjectPipe:
    """A pipe in each direction. Arrays are neither copied nor pickled on their way to it."""

    def __init__(self, source: int, sink: int):
        """Take two file descriptors, one to read from and one to write to."""
        self._source, self._sink = source, sink
        self._ready = select.poll()
        self._ready.register(source, select.POLLIN)

    def send(self, value: object) -> None:
        """Write an object.

        Raises:
            BrokenPipeError: nobody reads from the other end any more.
        """
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(pickled), *(buffer.raw() for buffer in buffers)]
        lengths = b"".join(_LENGTH.pack(len(part)) for part in parts)
        self._write([memoryview(_COUNT.pack(len(parts)) + lengths), *parts])

    def receive(self, deadline: float | None = None) -> Any:
        """Read an object.

        Args:
            deadline: time of `time.monotonic` until which to wait; None for ever.

        Raises:
            EOFError: the other end was closed.
            TimeoutError: the object is not there in time.
        """
        (count,) = _COUNT.unpack(self._read(_COUNT.size, deadline))
        lengths = _LENGTH.iter_unpack(self._read(count * _LENGTH.size, deadline))
        pickled, *buffers = [self._read(length, deadline) for (length,) in lengths]
        return pickle.loads(pickled, buffers=buffers)

    def _write(self, parts: Sequence[memoryview]) -> None:
        left = [part for part in parts if len(part)]
        while left:
            written = os.writev(self._sink, left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def _read(self, length: int, deadline: float | None) -> memoryview:
        data = np.empty(length, np.uint8)  # unlike a bytearray, not filled with zeros first
        left = data.data
        while left:
            if deadline is not None:
                self._wait(deadline)
            count = os.readv(self._source, [left[:PIPE_BYTES]])
            if not count:
                raise EOFError
            left = left[count:]
        return data.data

    def _wait(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not self._ready.poll(left * 1000):
            raise TimeoutError
