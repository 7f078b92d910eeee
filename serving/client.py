"""A client of TensorFlow Serving's gRPC interface: the embedded server's or the real one's.

Example:
    with Client("127.0.0.1:8500") as client:
        client.wait_ready(60)
        outputs = client.separate(video)["outputs"]  # uint8 [n, T, H, W, 3]
"""

import time
from collections.abc import Iterable, Mapping

import grpc
import numpy as np

from data_prep.config import ClipConfig, clip_of_model
from data_prep.errors import UserError
from serving.channel import open_channel
from serving.errors import ServingError
from serving.signature import DEFAULT, Signature, read_signatures
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

# Sent back unless the caller says otherwise, where the model has them; layers, coefficients and
# masks are many times their size.
_USUAL_OUTPUTS = ("outputs", "scores", "chosen")
_RETRY_SECONDS = 0.2


class Client:
    """Asks one model of one server.

    Every method but `ready` and `wait_ready` raises ServingError, with one line, where the server
    is not reached, does not know the model, refuses the request or takes longer than `timeout`.
    """

    def __init__(self, address: str, model: str = "separator", timeout: float = 60):
        """Connect to nothing yet.

        Args:
            address: HOST:PORT.
            model: the name the server has for the model.
            timeout: seconds after which an answer is no longer waited for.

        Raises:
            ServingError: the address is not of the form HOST:PORT.
        """
        self.address = address
        self.model = model
        self.timeout = timeout
        self._whose = f"{model} at {address}"  # how errors begin
        self._channel = open_channel(address)
        self._get_metadata = self._method(
            "PredictionService/GetModelMetadata", GetModelMetadataResponse
        )
        self._get_prediction = self._method("PredictionService/Predict", PredictResponse)
        self._get_status = self._method("ModelService/GetModelStatus", GetModelStatusResponse)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def ready(self) -> bool:
        """Whether the server answers and has a version of the model that can be asked."""
        return not self._unready()

    def wait_ready(self, timeout: float) -> None:
        """Wait until the server has a version of the model that can be asked.

        Args:
            timeout: seconds to wait at most.

        Raises:
            ServingError: it has none in that time; the message says how far it is.
        """
        end = time.monotonic() + timeout
        while reason := self._unready():
            if time.monotonic() > end:
                raise ServingError(f"not ready within {timeout:g} s: {reason}")
            time.sleep(_RETRY_SECONDS)

    def metadata(self) -> dict[str, Signature]:
        """Ask for the model's signatures: name -> Signature."""
        request = GetModelMetadataRequest(
            model_spec=ModelSpec(name=self.model), metadata_field=["signature_def"]
        )
        response = self._call(self._get_metadata, request)
        signatures = SignatureDefMap.FromString(response.metadata["signature_def"].value)
        return read_signatures(signatures.signature_def)

    def clip(self) -> ClipConfig:
        """Ask for the shape of the clips that the model takes."""
        inputs = self._signature(DEFAULT).inputs
        if "video" not in inputs:
            raise ServingError(
                f"{self._whose}: is no separator; its inputs are {', '.join(sorted(inputs))}"
            )
        given = self._predict("clip", {"batch": np.zeros(1, np.int32)})
        told = {name: array[0].item() for name, array in given.items()}
        return clip_of_model(inputs["video"].shape, told, self._whose)

    def has_control(self) -> bool:
        """Whether the model takes a sound, which says what output is wanted."""
        return "sound" in self._signature(DEFAULT).inputs

    def separate(
        self,
        video: np.ndarray,
        sound: np.ndarray | None = None,
        outputs: Iterable[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Take a video apart.

        Args:
            video: uint8 [T, H, W, 3], or [B, T, H, W, 3] for a batch.
            sound: float32 [S] in [-1, 1], or [B, S]; for a model with control, and only for one.
            outputs: the names wanted; None for outputs, and those of scores and chosen
                that it has.

        Returns:
            name -> array: outputs uint8 [n, T, H, W, 3], scores float32 [n], chosen int32 [];
            layers uint8 [m, T, H, W, 3], coefficients uint8 [n, m, T, H, W] and masks uint8
            [K, T, H, W] only if asked for. With the axis B in front if the video has it.

        Raises:
            ServingError: also where a shape, dtype or name is not the model's.
        """
        video = np.asarray(video)
        single = video.ndim == 4
        inputs = {"video": video} if sound is None else {"video": video, "sound": np.asarray(sound)}
        if single:
            inputs = {name: array[np.newaxis] for name, array in inputs.items()}
        signature = self._signature(DEFAULT)
        if outputs is None:
            outputs = [name for name in _USUAL_OUTPUTS if name in signature.outputs]
        names = list(outputs)
        try:
            signature.check(inputs)
            signature.check_outputs(names)
        except UserError as error:
            raise ServingError(f"{self._whose}: {error}") from error
        given = self._predict(DEFAULT, inputs, names)
        return {name: array[0] for name, array in given.items()} if single else given

    def _signature(self, name: str) -> Signature:
        signatures = self.metadata()
        if name not in signatures:
            raise ServingError(
                f"{self._whose}: has no signature {name}, only {', '.join(sorted(signatures))}"
            )
        return signatures[name]

    def _predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Iterable[str] = ()
    ) -> dict[str, np.ndarray]:
        """Ask a signature; no output named means all of them."""
        request = PredictRequest(
            model_spec=ModelSpec(name=self.model, signature_name=signature), output_filter=outputs
        )
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(to_tensor(array))
        response = self._call(self._get_prediction, request)
        return {name: to_array(tensor) for name, tensor in response.outputs.items()}

    def _unready(self) -> str:
        """Why the model cannot be asked; empty if it can."""
        request = GetModelStatusRequest(model_spec=ModelSpec(name=self.model))
        try:
            versions = self._call(self._get_status, request).model_version_status
        except ServingError as error:
            return str(error)
        if any(version.state == State.AVAILABLE for version in versions):
            return ""
        found = (f"version {version.version} {_told(version)}" for version in versions)
        return f"{self._whose}: {'; '.join(found)}"

    def _method(self, name: str, response: type):
        return self._channel.unary_unary(
            f"/tensorflow.serving.{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response.FromString,
        )

    def _call(self, method, request):
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise ServingError(self._reason(error.code(), error.details())) from error

    def _reason(self, code: grpc.StatusCode, details: str | None) -> str:
        details = " ".join((details or "").split())
        if code is grpc.StatusCode.UNAVAILABLE:
            return f"no server answers at {self.address}: {details}"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{self._whose}: no answer within {self.timeout:g} s"
        return f"{self._whose}: {code.name}: {details}"


def _told(version) -> str:
    return " ".join(filter(None, (State(version.state).name, version.status.error_message)))
