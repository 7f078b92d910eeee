"""Remote calls about one model as values: their requests, responses and errors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import grpc
import numpy as np
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from serving.access import OPEN, Access
from serving.channel import require_address
from serving.errors import (
    AccessError,
    NotServedError,
    RefusedError,
    ServingError,
    UnknownMethodError,
    UnreachableError,
)
from serving.signature import Signature, read_signatures
from serving.versions import State
from serving.wire import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    PredictRequest,
    PredictResponse,
    SignatureDefMap,
    to_array,
    to_tensor,
)

_PREDICTIONS = "/tensorflow.serving.PredictionService"
_MODELS = "/tensorflow.serving.ModelService"
_HEALTH = "/grpc.health.v1.Health"

ACCESS_CODES = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
"""Status codes of a server that does not accept the token."""

_ERRORS = {
    # The server's model has another signature or another version than expected.
    grpc.StatusCode.FAILED_PRECONDITION: RefusedError,
    grpc.StatusCode.INVALID_ARGUMENT: RefusedError,
    grpc.StatusCode.NOT_FOUND: NotServedError,
    **dict.fromkeys(ACCESS_CODES, AccessError),
    grpc.StatusCode.UNIMPLEMENTED: UnknownMethodError,
}


@dataclass(frozen=True)
class Call:
    """One remote call.

    Attributes:
        method: its full name, `/SERVICE/METHOD`.
        request: the message to send, serialized.
        parse: turns the serialized response into a message.
        timeout: seconds to wait for the answer.
    """

    method: str
    request: bytes
    parse: Callable[[bytes], Any]
    timeout: float


@dataclass(frozen=True)
class Metadata:
    """The version of a model that a server serves, and its signatures by name."""

    version: int
    signatures: Mapping[str, Signature]


@dataclass(frozen=True)
class VersionStatus:
    """State of a version on a server.

    Attributes:
        version: its number.
        state: its state.
        error: why it could not be loaded; empty if there was no error.
    """

    version: int
    state: State
    error: str

    def __str__(self) -> str:
        return " ".join(filter(None, (f"version {self.version} {self.state.name}", self.error)))


@dataclass(frozen=True)
class ServedModel:
    """A model on a server, and which of its versions is meant.

    Attributes:
        address: HOST:PORT of the server.
        model: the server's name for the model.
        label: label of the version, such as `stable`.
        version: number of the version. Without a label and a number, the server chooses.
        access: what the server requires of clients.
        timeout: seconds to wait for an answer.

    Raises:
        ServingError: the address has another form, or there are both a label and a number.
    """

    address: str
    model: str
    label: str | None = None
    version: int | None = None
    access: Access = OPEN
    timeout: float = 60

    def __post_init__(self) -> None:
        require_address(self.address)
        if self.label is not None and self.version is not None:
            raise ServingError(
                f"version: must be left out with a label, got {self.version} and {self.label}"
            )

    @property
    def where(self) -> str:
        """The model and its server; error messages begin with it."""
        return f"{self.model} at {self.address}"

    def at_version(self, version: int) -> Self:
        """Return the same model, of which this version is meant."""
        return replace(self, label=None, version=version)

    def metadata_call(self, timeout: float | None = None) -> Call:
        """Return the call for the served version and its signatures."""
        request = GetModelMetadataRequest(model_spec=self._spec(), metadata_field=["signature_def"])
        return self._call(
            f"{_PREDICTIONS}/GetModelMetadata", request, GetModelMetadataResponse, timeout=timeout
        )

    def predict_call(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Iterable[str] = (),
        version: int | None = None,
    ) -> Call:
        """Return the call of a signature.

        Args:
            signature: its name.
            inputs: name -> array.
            outputs: names of the outputs to return; all of them if there are none.
            version: the version to ask, instead of the one that is meant.
        """
        spec = self._spec(signature_name=signature, version=version)
        request = PredictRequest(model_spec=spec, output_filter=outputs)
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(to_tensor(array))
        return self._call(f"{_PREDICTIONS}/Predict", request, PredictResponse)

    def status_call(self, timeout: float | None = None) -> Call:
        """Return the call for the states of the versions, all of them if no number is meant."""
        spec = ModelSpec(name=self.model)
        if self.version is not None:
            spec.version.value = self.version
        request = GetModelStatusRequest(model_spec=spec)
        return self._call(
            f"{_MODELS}/GetModelStatus", request, GetModelStatusResponse, timeout=timeout
        )

    def health_call(self) -> Call:
        """Return the call for the health of the whole server."""
        return self._call(f"{_HEALTH}/Check", HealthCheckRequest(), HealthCheckResponse)

    def error(self, call: Call, code: grpc.StatusCode, details: str | None) -> ServingError:
        """Return the error of a call that failed.

        Args:
            call: the call.
            code: its status.
            details: the server's or gRPC's reason.
        """
        details = " ".join((details or "").split())
        if code is grpc.StatusCode.UNAVAILABLE:
            return UnreachableError(self.address, details)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return ServingError(f"{self.where}: no answer within {call.timeout:g} s")
        kind = _ERRORS.get(code, ServingError)
        return kind(f"{self.where}: {code.name}: {details}")

    def _call(
        self, method: str, request: Any, response: Any, *, timeout: float | None = None
    ) -> Call:
        seconds = self.timeout if timeout is None else timeout
        return Call(method, request.SerializeToString(), response.FromString, seconds)

    def _spec(self, *, signature_name: str = "", version: int | None = None) -> Any:
        spec = ModelSpec(name=self.model, signature_name=signature_name)
        number = self.version if version is None else version
        if number is not None:
            spec.version.value = number
        elif self.label is not None:
            spec.version_label = self.label
        return spec


def read_metadata(response: Any) -> Metadata:
    """Read the answer of `metadata_call`."""
    definitions = SignatureDefMap.FromString(response.metadata["signature_def"].value)
    return Metadata(response.model_spec.version.value, read_signatures(definitions.signature_def))


def read_prediction(response: Any) -> tuple[int, dict[str, np.ndarray]]:
    """Read the answer of `predict_call`: the version that answered, and name -> array."""
    arrays = {name: to_array(tensor) for name, tensor in response.outputs.items()}
    return response.model_spec.version.value, arrays


def read_status(response: Any) -> list[VersionStatus]:
    """Read the answer of `status_call`."""
    return [
        VersionStatus(
            status.version,
            State(status.state),
            " ".join(status.status.error_message.split()),
        )
        for status in response.model_version_status
    ]


def read_health(response: Any) -> str:
    """Read the answer of `health_call`: `SERVING` or another of gRPC's names."""
    return HealthCheckResponse.ServingStatus.Name(response.status)
