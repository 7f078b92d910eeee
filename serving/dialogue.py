"""What clients ask about a model, step by step, whoever makes the remote calls.

The synchronous and the asynchronous client differ only in how they make a call and how they wait.
All else is here: a dialogue is a generator that yields its calls and gets their responses.
"""

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from data_prep.default_outputs import default_outputs
from data_prep.errors import UserError
from serving.calls import (
    Call,
    Metadata,
    ServedModel,
    VersionStatus,
    read_health,
    read_metadata,
    read_prediction,
    read_status,
)
from serving.description import ModelDescription, read_description
from serving.errors import AccessError, RefusedError, ServingError, UnknownMethodError
from serving.signature import DEFAULT, DESCRIPTION, Signature
from serving.versions import State

Answer = TypeVar("Answer")

_RETRY_SECONDS = 0.2
_STATUS_SECONDS = 5.0  # that a state may take, which needs no computation
_LAST_STATUS_SECONDS = 1.0  # at the end of a wait; after less, the reason would be the client's


@dataclass(frozen=True)
class Pause:
    """Seconds to wait before the next step."""

    seconds: float


Dialogue = Generator[Call | Pause, Any, Answer]
"""Yields calls, and pauses; gets the response of each call, or the ServingError that it raised."""


class ModelDialogues:
    """The dialogues about one model. Threads and tasks may share it.

    The model's metadata and description are kept, and fetched again only if another version has
    replaced the model. Callers that begin at the same time may fetch them more than once.
    """

    def __init__(self, served: ServedModel) -> None:
        """Begin with nothing known.

        Args:
            served: the model.
        """
        self._served = served
        self._metadata: Metadata | None = None
        self._descriptions: dict[int, ModelDescription] = {}  # by version

    def versions(self, timeout: float | None = None) -> Dialogue[list[VersionStatus]]:
        """Return the states of the versions."""
        response = yield self._served.status_call(timeout)
        return read_status(response)

    def ready(self) -> Dialogue[bool]:
        """Return whether the version that is meant, or any if none is, takes requests."""
        return not (yield from self._why_not_ready(_STATUS_SECONDS))

    def wait_ready(self, timeout: float) -> Dialogue[None]:
        """Wait until the version that is meant, or any if none is, takes requests."""
        end = time.monotonic() + timeout
        left = timeout
        while reason := (
            yield from self._why_not_ready(max(_LAST_STATUS_SECONDS, min(left, _STATUS_SECONDS)))
        ):
            yield Pause(_RETRY_SECONDS)
            left = end - time.monotonic()
            if left <= 0:
                raise ServingError(f"not ready within {timeout:g} s: {reason}")

    def health(self) -> Dialogue[str | None]:
        """Return the server's health; None if it does not offer it."""
        try:
            response = yield self._served.health_call()
        except UnknownMethodError:
            return None
        return read_health(response)

    def served_version(self) -> Dialogue[int]:
        """Return the version that answers."""
        metadata = yield from self._current()
        return metadata.version

    def signatures(self) -> Dialogue[dict[str, Signature]]:
        """Return the signatures by name."""
        metadata = yield from self._current()
        return dict(metadata.signatures)

    def description(self) -> Dialogue[ModelDescription]:
        """Return the model's kind, system, control mode and clips."""
        return (yield from self._ask(self._describe))

    def separate(
        self, video: np.ndarray, audio: np.ndarray | None, outputs: Iterable[str] | None
    ) -> Dialogue[dict[str, np.ndarray]]:
        """Separate a video, or a batch of them; see `SeparationClient.separate`."""
        inputs = {"video": np.asarray(video)}
        if audio is not None:
            inputs["audio"] = np.asarray(audio)
        single = inputs["video"].ndim == 4
        if single:
            inputs = {name: array[np.newaxis] for name, array in inputs.items()}
        names = None if outputs is None else list(outputs)
        answer = yield from self._ask(lambda metadata: self._separate(metadata, inputs, names))
        return {name: array[0] for name, array in answer.items()} if single else answer

    def _why_not_ready(self, timeout: float) -> Dialogue[str]:
        """Return why the model takes no requests; empty if it does."""
        try:
            versions = yield from self.versions(timeout)
            if not any(version.state is State.AVAILABLE for version in versions):
                return f"{self._served.where}: {'; '.join(map(str, versions))}"
            if self._served.label is not None:  # states of versions do not tell which one has it
                yield self._served.metadata_call(timeout)
        except AccessError:
            raise  # waiting would not help
        except ServingError as error:
            return str(error)
        return ""

    def _separate(
        self, metadata: Metadata, inputs: Mapping[str, np.ndarray], names: list[str] | None
    ) -> Dialogue[dict[str, np.ndarray]]:
        signature = self._signature(metadata, DEFAULT)
        if names is None:
            names = default_outputs(signature.outputs)
        try:
            signature.check(inputs)
            signature.check_outputs(names)
        except UserError as error:
            raise RefusedError(f"{self._served.where}: {error}") from error
        response = yield self._served.predict_call(DEFAULT, inputs, names)
        version, answer = read_prediction(response)
        if version != metadata.version:
            self._forget(metadata)
        return answer

    def _describe(self, metadata: Metadata) -> Dialogue[ModelDescription]:
        if metadata.version not in self._descriptions:
            where = self._served.where
            self._signature(metadata, DESCRIPTION)
            video = self._signature(metadata, DEFAULT).inputs.get("video")
            if video is None or video.shape is None or len(video.shape) != 5:
                raise RefusedError(f"{where}: must take video [B, T, H, W, 3], got {video}")
            # This very version, so that its clips and the shape of its input belong together.
            response = yield self._served.predict_call(
                DESCRIPTION, {"batch": np.zeros(1, np.int32)}, version=metadata.version
            )
            _, outputs = read_prediction(response)
            self._descriptions[metadata.version] = read_description(video.shape, outputs, where)
        return self._descriptions[metadata.version]

    def _signature(self, metadata: Metadata, name: str) -> Signature:
        if name not in metadata.signatures:
            known = ", ".join(sorted(metadata.signatures))
            raise RefusedError(f"{self._served.where}: must have the signature {name}, got {known}")
        return metadata.signatures[name]

    def _ask(self, question: Callable[[Metadata], Dialogue[Answer]]) -> Dialogue[Answer]:
        """Ask about the known version, and once more if another one turns out to be served."""
        known = yield from self._current()
        try:
            return (yield from question(known))
        except RefusedError:
            self._forget(known)
            current = yield from self._current()
            if current == known:
                raise
        return (yield from question(current))

    def _current(self) -> Dialogue[Metadata]:
        """Return the model's metadata, fetched if it is unknown."""
        known = self._metadata
        if known is None:
            response = yield self._served.metadata_call()
            known = self._metadata = read_metadata(response)
        return known

    def _forget(self, metadata: Metadata) -> None:
        """Forget metadata that may be outdated, unless another caller has replaced it."""
        if self._metadata is metadata:
            self._metadata = None
