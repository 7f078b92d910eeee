"""A call over HTTP, as admission and the worker threads see it."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from serving.server.errors import invalid


class HttpCall:
    """The parts of a gRPC call's context that admission needs, and the body."""

    def __init__(self, request: web.Request, read_seconds: float) -> None:
        """Wrap a request, in its event loop.

        Args:
            request: the request.
            read_seconds: seconds that the body may take to arrive.
        """
        self._request = request
        self._read_seconds = read_seconds
        self._loop = asyncio.get_running_loop()
        self._active = True
        self._callbacks: list[Callable[[], None]] = []

    def is_active(self) -> bool:
        """Return whether the client still waits for the answer."""
        return self._active

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Have a function called if the client goes; return whether it is still there."""
        self._callbacks.append(callback)
        return self._active

    def cancel(self) -> None:
        """Note that the client has gone."""
        self._active = False
        for callback in self._callbacks:
            callback()

    def read(self) -> bytes:
        """Return the body. Only other threads than that of the event loop may call this.

        Raises:
            StatusError: it is damaged or takes too long to arrive, or the client has gone.
            aiohttp.web.HTTPRequestEntityTooLarge: it is too large.
        """
        reading = asyncio.wait_for(self._request.read(), self._read_seconds)
        try:
            return asyncio.run_coroutine_threadsafe(reading, self._loop).result()
        except (OSError, TimeoutError, web.RequestPayloadError) as error:
            rule = f"must arrive whole within {self._read_seconds:g} s"
            raise invalid(f"body: {rule}, got {type(error).__name__}: {error}") from error
