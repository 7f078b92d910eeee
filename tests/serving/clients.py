"""Both clients with one interface, for tests of what they have in common."""

import asyncio

import pytest

from serving.async_client import AsyncSeparationClient
from serving.client import SeparationClient


class _InThreads:
    """The synchronous client, whose methods run in threads and are awaited."""

    def __init__(self, *args, **kwargs):
        self._client = SeparationClient(*args, **kwargs)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        self._client.close()

    def __getattr__(self, name):
        method = getattr(self._client, name)
        return lambda *args, **kwargs: asyncio.to_thread(method, *args, **kwargs)


CLIENTS = [
    pytest.param(_InThreads, id="sync"),
    pytest.param(AsyncSeparationClient, id="async"),
]
