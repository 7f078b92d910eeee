"""A client of TensorFlow Serving's gRPC interface: the embedded server's or the real one's."""

import time
from collections.abc import Iterable
from typing import Any, Self

import grpc
import numpy as np

from serving.access import OPEN, Access
from serving.calls import Call, ServedModel, VersionStatus
from serving.channel import open_channel
from serving.description import ModelDescription
from serving.dialogue import Answer, Dialogue, Pause
from serving.errors import ServingError
from serving.model_client import ModelClient
from serving.signature import Signature


class SeparationClient(ModelClient):
    """Client of one model on one server. Threads may share it.

    The model's metadata and description are fetched once, and again only if another version has
    replaced the model. Requests are repeated for some seconds if the server is unavailable or
    overloaded. Every method but `ready` and `wait_ready` raises a one-line ServingError if
    the server cannot be reached, does not know the model, refuses the request or takes longer than
    `timeout`. `AsyncSeparationClient` is the same for asyncio.

    Example:
        >>> with SeparationClient("127.0.0.1:8500") as client:
        ...     client.wait_ready(60)
        ...     clip = client.description().clip
        ...     video = np.zeros((clip.frames, clip.height, clip.width, 3), np.uint8)
        ...     separation = client.separate(video)
        >>> separation["outputs"].shape == (2, *video.shape)
        True
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
        """Create a client, which connects when it is first used.

        Args:
            address: HOST:PORT.
            model: the server's name for the model.
            timeout: seconds to wait for an answer.
            label: the label of the version to ask, such as `stable`. Without a label and a
                version, the server chooses.
            version: the version to ask.
            access: TLS and a token, if the server requires them; see `read_access`.

        Raises:
            ServingError: the address is not of the form HOST:PORT, or there are both a label and a
                version.
        """
        super().__init__(ServedModel(address, model, label, version, access, timeout))
        self._channel = open_channel(address, access, retries=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def ready(self) -> bool:
        """Return whether the version that is asked takes requests.

        Without a version and a label, any version will do.

        Raises:
            AccessError: the server does not accept the token.
        """
        return self._hold(self._dialogues.ready())

    def wait_ready(self, timeout: float) -> None:
        """Wait until the version that is asked takes requests, or any if none is asked.

        Args:
            timeout: seconds to wait at most.

        Raises:
            ServingError: it does not in that time; the message says why.
            AccessError: the server does not accept the token; raised at once.
        """
        self._hold(self._dialogues.wait_ready(timeout))

    def versions(self) -> list[VersionStatus]:
        """Return the states of the model's versions on the server."""
        return self._hold(self._dialogues.versions())

    def health(self) -> str | None:
        """Return the server's health, `SERVING` or another of gRPC's names.

        None if the server does not offer it, such as TensorFlow Serving.
        """
        return self._hold(self._dialogues.health())

    def served_version(self) -> int:
        """Return the version that answers."""
        return self._hold(self._dialogues.served_version())

    def signatures(self) -> dict[str, Signature]:
        """Return the model's signatures by name."""
        return self._hold(self._dialogues.signatures())

    def description(self) -> ModelDescription:
        """Return the model's kind, system, control mode and clips."""
        return self._hold(self._dialogues.description())

    def has_control(self) -> bool:
        """Return whether audio selects one of the model's outputs."""
        return self.description().uses_audio

    def separate(
        self,
        video: np.ndarray,
        audio: np.ndarray | None = None,
        outputs: Iterable[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Separate a video into layers.

        Args:
            video: uint8 `[T, H, W, 3]`, or `[B, T, H, W, 3]` for a batch.
            audio: float32 `[S]` in [-1, 1], or `[B, S]`, the audio of the target clip; only for a
                model with control, which requires it.
            outputs: names of the outputs to return. By default `outputs`, and `scores` and
                `chosen` if the model has them.

        Returns:
            name -> array: `outputs` uint8 `[n, T, H, W, 3]`, `scores` float32 `[n]`, `chosen` int32
            `[]`. Only on request: `layers` uint8 `[m, T, H, W, 3]`, `coefficients` uint8
            `[n, m, T, H, W]`, `masks` uint8 `[K, T, H, W]`. A batch adds the axis B in front.

        Raises:
            ServingError: also if a shape, dtype or name is not the model's.
        """
        return self._hold(self._dialogues.separate(video, audio, outputs))

    def _hold(self, dialogue: Dialogue[Answer]) -> Answer:
        """Make the calls of a dialogue, and return its result."""
        try:
            step = next(dialogue)
            while True:
                try:
                    response = self._do(step)
                except ServingError as error:
                    step = dialogue.throw(error)
                else:
                    step = dialogue.send(response)
        except StopIteration as end:
            return end.value

    def _do(self, step: Call | Pause) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        method = self._channel.unary_unary(step.method, response_deserializer=step.parse)
        headers = self._served.access.metadata()
        try:
            return method(step.request, timeout=step.timeout, metadata=headers)
        except grpc.RpcError as error:
            raise self._served.error(step, error.code(), error.details()) from error
