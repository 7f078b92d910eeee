"""Configurations that clients send, on their way to the thread that follows them."""

import queue
import threading
from concurrent.futures import Future

import grpc

from serving.config.models_config import ModelsConfig
from serving.server.errors import StatusError


class Reloads:
    """Hands configurations from calls to one other thread. Threads may share it."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[ModelsConfig, Future[None]]] = queue.SimpleQueue()

    def reload(self, config: ModelsConfig, context: grpc.ServicerContext) -> None:
        """Hand over a configuration, and wait until it is followed.

        Raises:
            StatusError: it cannot be followed, or its client has gone, or the server ends.
        """
        done: Future[None] = Future()
        ended = threading.Event()
        done.add_done_callback(lambda _: ended.set())
        if context.add_callback(ended.set):
            self._waiting.put((config, done))
            ended.wait()
        if not done.done():
            raise StatusError(grpc.StatusCode.CANCELLED, "request: its client has gone")
        done.result()

    def take(self, seconds: float) -> tuple[ModelsConfig, "Future[None]"] | None:
        """Return the next configuration, and what to tell its outcome; None if none comes.

        Args:
            seconds: how long to wait for one.
        """
        try:
            return self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None
