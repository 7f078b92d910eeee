"""Real servers of tiny models: one in a process of its own, one in a thread."""

import queue
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tiny_separator import CLIP, save_model

READY = r"serving separator version 3 at (127\.0\.0\.1:\d+)"


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen
    folder: Path
    address: str

    def wait_for(self, words: str) -> None:
        """Read its output up to a line with these words."""
        for line in self.process.stdout:
            if words in line:
                return
        raise AssertionError(f"the server ended without printing {words!r}")


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory):
    """Start the command that serves a model without control."""
    folder = tmp_path_factory.mktemp("plain")
    save_model(folder / "3", control=False)
    command = [sys.executable, "-m", "serving", "serve", "--model", folder, "--port", "0"]
    with subprocess.Popen(
        [*map(str, command), "--poll-seconds", "0.1", "--max-batch", "2000"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            ready = re.fullmatch(READY, process.stdout.readline().strip())
            assert ready
            yield Server(process, folder, ready[1])
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


@contextmanager
def serve_in_thread(served, **settings):
    """Serve a folder as `separator`, or a configuration, in this process; give the address."""
    from serving.server.config_source import SingleModel
    from serving.server.process import serve_until
    from serving.server.settings import ServerSettings

    source = SingleModel("separator", served) if isinstance(served, Path) else served
    lines, stop = queue.Queue(), threading.Event()
    with ThreadPoolExecutor(1) as thread:
        chosen = ServerSettings(**{"port": 0, **settings})
        done = thread.submit(serve_until, stop, source, chosen, lines.put)
        done.add_done_callback(lambda _: lines.put("ended"))
        try:
            yield re.fullmatch(r"serving \S+ version \d+ at (\S+)", lines.get(timeout=60))[1]
        finally:
            stop.set()
        done.result(timeout=30)


@pytest.fixture(scope="session")
def control_server(tmp_path_factory):
    """Serve a model with control in a thread, and give the address."""
    folder = tmp_path_factory.mktemp("control")
    save_model(folder / "3", control=True)
    with serve_in_thread(folder) as address:
        yield address


@pytest.fixture(scope="session")
def serve_folder():
    """Give the function that serves a folder or a configuration in this process."""
    return serve_in_thread


@pytest.fixture
def video() -> np.ndarray:
    shape = (CLIP.frames, CLIP.height, CLIP.width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
