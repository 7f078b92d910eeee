"""Servers as processes: object stores, a job service with a worker pool, a Dask cluster."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STORES = ROOT / ".build" / "stores" / "bin"
_STARTING = 60.0  # seconds
_PORTS = (15_000, 32_000)  # below those that Linux gives to connections


def free_port() -> int:
    """Return a port that the operating system gives to no connection meanwhile."""
    while True:
        port = random.randrange(*_PORTS)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


@contextmanager
def server(command: list[str], port: int, log: Path, env: dict[str, str]) -> Iterator[int]:
    """Run a server as long as the context lasts, once it listens; yield its process id."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/"
        )
    try:
        deadline = time.monotonic() + _STARTING
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


def python(*args: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", *args]


class Gate:
    """A port that leads to a server, unless it is closed: then connections are refused."""

    def __init__(self, target: int):
        self.port = free_port()
        self._target = target
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self._accepting = _thread(self._accept, self._listener)

    def close(self) -> None:
        """Refuse connections, end those there are, and return once nothing of them is left."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        for connection in self._connections:
            _end(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):
            while True:
                near, _ = listener.accept()
                self._connections.append(near)
                self._threads.append(_thread(self._relay, near))

    def _relay(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as far:
            back = _thread(_copy, far, near)
            _copy(near, far)
            back.join()


def _thread(function: Callable[..., None], *args: socket.socket) -> threading.Thread:
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    _end(one)
    _end(other)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
