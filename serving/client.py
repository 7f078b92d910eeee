"""A client of TensorFlow Serving's gRPC interface: the embedded server's or the real one's."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from data_prep.default_outputs import default_outputs
from data_prep.errors import UserError
from serving.connection import Connection, Metadata
from serving.description import ModelDescription, read_description
from serving.errors import RefusedError, ServingError
from serving.signature import DEFAULT, DESCRIPTION, Signature

Answer = TypeVar("Answer")

_RETRY_SECONDS = 0.2


class SeparationClient:
    """Client of one model on one server. Threads may share it.

    The model's metadata and description are fetched once, and again only if another version has
    replaced the model. Requests are repeated for some seconds if the server is unavailable or
    overloaded. Every method but `ready` and `wait_ready` raises a one-line ServingError if
    the server cannot be reached, does not know the model, refuses the request or takes longer than
    `timeout`.

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
    ) -> None:
        """Create a client, which connects when it is first used.

        Args:
            address: HOST:PORT.
            model: the server's name for the model.
            timeout: seconds to wait for an answer.
            label: the label of the version to ask, such as `stable`; None for the version that the
                server chooses.

        Raises:
            ServingError: the address is not of the form HOST:PORT.
        """
        self._connection = Connection(address, model, timeout, label)
        self._fetching = threading.Lock()
        self._metadata: Metadata | None = None
        self._descriptions: dict[int, ModelDescription] = {}  # by version

    def __enter__(self) -> "SeparationClient":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ready(self) -> bool:
        """Return whether the server has a version of the model that takes requests."""
        return not self._connection.why_not_ready()

    def wait_ready(self, timeout: float) -> None:
        """Wait until the server has a version of the model that takes requests.

        Args:
            timeout: seconds to wait at most.

        Raises:
            ServingError: there is none in that time; the message reports the state of each version.
        """
        end = time.monotonic() + timeout
        while reason := self._connection.why_not_ready():
            if time.monotonic() > end:
                raise ServingError(f"not ready within {timeout:g} s: {reason}")
            time.sleep(_RETRY_SECONDS)

    def signatures(self) -> dict[str, Signature]:
        """Return the model's signatures by name."""
        return dict(self._current().signatures)

    def description(self) -> ModelDescription:
        """Return the model's kind, system, control mode and clips."""
        return self._ask(self._describe)

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
        inputs = {"video": np.asarray(video)}
        if audio is not None:
            inputs["audio"] = np.asarray(audio)
        single = inputs["video"].ndim == 4
        if single:
            inputs = {name: array[np.newaxis] for name, array in inputs.items()}
        names = None if outputs is None else list(outputs)
        answer = self._ask(lambda metadata: self._separate(metadata, inputs, names))
        return {name: array[0] for name, array in answer.items()} if single else answer

    def _separate(
        self, metadata: Metadata, inputs: Mapping[str, np.ndarray], names: list[str] | None
    ) -> dict[str, np.ndarray]:
        signature = self._signature(metadata, DEFAULT)
        if names is None:
            names = default_outputs(signature.outputs)
        try:
            signature.check(inputs)
            signature.check_outputs(names)
        except UserError as error:
            raise RefusedError(f"{self._connection.where}: {error}") from error
        version, answer = self._connection.predict(DEFAULT, inputs, names)
        if version != metadata.version:
            self._forget(metadata)
        return answer

    def _describe(self, metadata: Metadata) -> ModelDescription:
        if metadata.version not in self._descriptions:
            self._signature(metadata, DESCRIPTION)
            video = self._signature(metadata, DEFAULT).inputs.get("video")
            if video is None or video.shape is None or len(video.shape) != 5:
                raise RefusedError(
                    f"{self._connection.where}: must take video [B, T, H, W, 3], got {video}"
                )
            # This very version, so that its clips and the shape of its input belong together.
            _, outputs = self._connection.predict(
                DESCRIPTION, {"batch": np.zeros(1, np.int32)}, version=metadata.version
            )
            self._descriptions[metadata.version] = read_description(
                video.shape, outputs, self._connection.where
            )
        return self._descriptions[metadata.version]

    def _signature(self, metadata: Metadata, name: str) -> Signature:
        if name not in metadata.signatures:
            known = ", ".join(sorted(metadata.signatures))
            raise RefusedError(
                f"{self._connection.where}: must have the signature {name}, got {known}"
            )
        return metadata.signatures[name]

    def _ask(self, question: Callable[[Metadata], Answer]) -> Answer:
        """Ask about the known version, and once more if another one turns out to be served."""
        known = self._current()
        try:
            return question(known)
        except RefusedError:
            self._forget(known)
            current = self._current()
            if current == known:
                raise
        return question(current)

    def _current(self) -> Metadata:
        """Return the model's metadata, fetched if it is unknown."""
        with self._fetching:
            if self._metadata is None:
                self._metadata = self._connection.metadata()
            return self._metadata

    def _forget(self, metadata: Metadata) -> None:
        """Forget metadata that may be outdated, unless another thread has replaced it."""
        with self._fetching:
            if self._metadata is metadata:
                self._metadata = None
