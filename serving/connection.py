"""One model on one server: the remote calls, with errors on one line."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from serving.channel import open_channel
from serving.errors import RefusedError, ServingError
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

# Status codes of a server whose model has another signature or another version than expected.
_REFUSALS = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
)


@dataclass(frozen=True)
class Metadata:
    """The version of a model that a server serves, and its signatures by name."""

    version: int
    signatures: Mapping[str, Signature]


class Connection:
    """The remote calls about one model. Threads may share it.

    Predictions are repeated for some seconds if the server is unavailable or overloaded. Every call
    raises RefusedError if the server knows no such model, version or signature, or the request does
    not fit it, and another ServingError if the server does not answer in time.

    Attributes:
        where: the model and its server; error messages begin with it.
    """

    def __init__(self, address: str, model: str, timeout: float, label: str | None = None) -> None:
        """Open a channel, which connects when it is first used.

        Args:
            address: HOST:PORT.
            model: the server's name for the model.
            timeout: seconds to wait for an answer.
            label: the label of the version to ask, such as `stable`; None for the version that the
                server chooses.

        Raises:
            ServingError: the address is not of the form HOST:PORT.
        """
        self.where = f"{model} at {address}"
        self._address = address
        self._model = model
        self._timeout = timeout
        self._label = label
        self._channel = open_channel(address, retries=True)
        self._get_metadata = self._method(
            "PredictionService/GetModelMetadata", GetModelMetadataResponse
        )
        self._get_prediction = self._method("PredictionService/Predict", PredictResponse)
        self._get_status = self._method("ModelService/GetModelStatus", GetModelStatusResponse)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def metadata(self) -> Metadata:
        """Fetch the served version and its signatures."""
        request = GetModelMetadataRequest(model_spec=self._spec(), metadata_field=["signature_def"])
        response = self._call(self._get_metadata, request)
        definitions = SignatureDefMap.FromString(response.metadata["signature_def"].value)
        signatures = read_signatures(definitions.signature_def)
        return Metadata(response.model_spec.version.value, signatures)

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Iterable[str] = (),
        version: int | None = None,
    ) -> tuple[int, dict[str, np.ndarray]]:
        """Call a signature.

        Args:
            signature: its name.
            inputs: name -> array.
            outputs: names of the outputs to return; all of them if there are none.
            version: the version to ask; by default the one that has the label.

        Returns:
            The version that answered, and name -> array.
        """
        spec = self._spec(signature_name=signature, version=version)
        request = PredictRequest(model_spec=spec, output_filter=outputs)
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(to_tensor(array))
        response = self._call(self._get_prediction, request)
        arrays = {name: to_array(tensor) for name, tensor in response.outputs.items()}
        return response.model_spec.version.value, arrays

    def why_not_ready(self) -> str:
        """Return why the model takes no requests; empty if it does."""
        request = GetModelStatusRequest(model_spec=ModelSpec(name=self._model))
        try:
            versions = self._call(self._get_status, request).model_version_status
        except ServingError as error:
            return str(error)
        if any(version.state == State.AVAILABLE for version in versions):
            return ""
        states = (f"version {version.version} {_state(version)}" for version in versions)
        return f"{self.where}: {'; '.join(states)}"

    def _spec(self, *, signature_name: str = "", version: int | None = None) -> Any:
        spec = ModelSpec(name=self._model, signature_name=signature_name)
        if version is not None:
            spec.version.value = version
        elif self._label is not None:
            spec.version_label = self._label
        return spec

    def _method(self, name: str, response: Any) -> Callable[..., Any]:
        return self._channel.unary_unary(
            f"/tensorflow.serving.{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response.FromString,
        )

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise self._error(error.code(), error.details()) from error

    def _error(self, code: grpc.StatusCode, details: str | None) -> ServingError:
        details = " ".join((details or "").split())
        if code is grpc.StatusCode.UNAVAILABLE:
            return ServingError(f"no server answers at {self._address}: {details}")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return ServingError(f"{self.where}: no answer within {self._timeout:g} s")
        kind = RefusedError if code in _REFUSALS else ServingError
        return kind(f"{self.where}: {code.name}: {details}")


def _state(version: Any) -> str:
    return " ".join(filter(None, (State(version.state).name, version.status.error_message)))
