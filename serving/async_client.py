"""The client of `serving.client` for asyncio."""

import asyncio
from collections.abc import Iterable
from typing import Any, Self

import grpc
import numpy as np

from serving.access import OPEN, Access
from serving.calls import Call, ServedModel, VersionStatus
from serving.channel import open_async_channel
from serving.description import ModelDescription
from serving.dialogue import Answer, Dialogue, Pause
from serving.errors import ServingError
from serving.model_client import ModelClient
from serving.signature import Signature


class AsyncSeparationClient(ModelClient):
    """Client of one model on one server for asyncio. Tasks of one event loop may share it.

    The methods, their errors and retries are those of `SeparationClient`, which describes them.

    Example:
        >>> async def separate(address, videos):
        ...     async with AsyncSeparationClient(address) as client:
        ...         await client.wait_ready(60)
        ...         return await asyncio.gather(*map(client.separate, videos))
        >>> videos = np.zeros((3, 4, 16, 24, 3), np.uint8)
        >>> [answer["outputs"].shape for answer in asyncio.run(separate("127.0.0.1:8500", videos))]
        [(2, 4, 16, 24, 3), (2, 4, 16, 24, 3), (2, 4, 16, 24, 3)]
    """

    def __init__(
        self,
        address: str,
        model: str = "separator",
        timeout: float = 60,
        label: str | None = None,
        *,
        version: int | None = None,
        access: Access = OPEN,
    ) -> None:
        """Create a client in a running event loop; see `SeparationClient`.

        Raises:
            RuntimeError: no event loop is running.
        """
        asyncio.get_running_loop()
        super().__init__(ServedModel(address, model, label, version, access, timeout))
        self._channel = open_async_channel(address, access, retries=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, which cancels running requests."""
        await self._channel.close()

    async def ready(self) -> bool:
        """Return whether the version that is asked takes requests, or any if none is asked."""
        return await self._hold(self._dialogues.ready())

    async def wait_ready(self, timeout: float) -> None:
        """Wait until the version that is asked takes requests, or any if none is asked."""
        await self._hold(self._dialogues.wait_ready(timeout))

    async def versions(self) -> list[VersionStatus]:
        """Return the states of the model's versions on the server."""
        return await self._hold(self._dialogues.versions())

    async def health(self) -> str | None:
        """Return the server's health; None if the server does not offer it."""
        return await self._hold(self._dialogues.health())

    async def served_version(self) -> int:
        """Return the version that answers."""
        return await self._hold(self._dialogues.served_version())

    async def signatures(self) -> dict[str, Signature]:
        """Return the model's signatures by name."""
        return await self._hold(self._dialogues.signatures())

    async def description(self) -> ModelDescription:
        """Return the model's kind, system, control mode and clips."""
        return await self._hold(self._dialogues.description())

    async def has_control(self) -> bool:
        """Return whether audio selects one of the model's outputs."""
        return (await self.description()).uses_audio

    async def separate(
        self,
        video: np.ndarray,
        audio: np.ndarray | None = None,
        outputs: Iterable[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Separate a video into layers; see `SeparationClient.separate`."""
        return await self._hold(self._dialogues.separate(video, audio, outputs))

    async def _hold(self, dialogue: Dialogue[Answer]) -> Answer:
        """Make the calls of a dialogue, and return its result."""
        try:
            step = next(dialogue)
            while True:
                try:
                    response = await self._do(step)
                except ServingError as error:
                    step = dialogue.throw(error)
                else:
                    step = dialogue.send(response)
        except StopIteration as end:
            return end.value

    async def _do(self, step: Call | Pause) -> Any:
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        method = self._channel.unary_unary(step.method, response_deserializer=step.parse)
        headers = self._served.access.metadata()
        try:
            return await method(step.request, timeout=step.timeout, metadata=headers)
        except grpc.RpcError as error:
            raise self._served.error(step, error.code(), error.details()) from error
