"""The embedded server: TensorFlow Serving's gRPC interface over a folder of versions.

Its answers and status codes follow TensorFlow Serving's servables/tensorflow/predict_util.cc,
get_model_metadata_impl.cc and get_model_status_impl.cc.
"""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import (
    ModelServiceServicer,
    add_ModelServiceServicer_to_server,
)
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    PredictionServiceServicer,
    add_PredictionServiceServicer_to_server,
)

from data_prep.errors import UserError
from serving.loaded_model import RequestError, SavedModel
from serving.versions import ModelFolder, State, Status

# Videos exceed gRPC's default limit of 4 MB. A port in use is an error here; gRPC shares it by
# default.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.so_reuseport", 0),
)
_GRACE_SECONDS = 30


class _Models:
    """The served model under its name."""

    def __init__(self, name: str, folder: ModelFolder[SavedModel]) -> None:
        self.name = name
        self.folder = folder

    def find(self, spec: ModelSpec) -> tuple[int, SavedModel]:
        """Return the version and the model that a request names, or raise RequestError."""
        version = _version(spec)
        if spec.name == self.name:
            with suppress(KeyError):
                return self.folder.get(version)
        wanted = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
        raise RequestError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")

    def statuses(self, spec: ModelSpec) -> dict[int, Status]:
        """Return version -> Status of those that a request names, or raise RequestError."""
        version = _version(spec)
        statuses = dict(self.folder.statuses) if spec.name == self.name else {}
        if version is not None:
            statuses = {version: statuses[version]} if version in statuses else {}
        if not statuses:
            which = "any versions" if version is None else f"version {version}"
            raise RequestError(
                grpc.StatusCode.NOT_FOUND, f"Could not find {which} of model {spec.name}"
            )
        return statuses


class _PredictionService(PredictionServiceServicer):
    def __init__(self, models: _Models, workers: ThreadPoolExecutor) -> None:
        self._models = models
        self._workers = workers

    async def Predict(  # noqa: N802, the name in the .proto
        self, request: PredictRequest, context: grpc.aio.ServicerContext
    ) -> PredictResponse:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._workers, self._predict, request)
        except RequestError as error:
            await context.abort(error.code, error.message)

    async def GetModelMetadata(  # noqa: N802
        self, request: GetModelMetadataRequest, context: grpc.aio.ServicerContext
    ) -> GetModelMetadataResponse:
        try:
            return self._metadata(request)
        except RequestError as error:
            await context.abort(error.code, error.message)

    def _predict(self, request: PredictRequest) -> PredictResponse:
        version, model = self._models.find(request.model_spec)
        outputs = model.predict(request)
        response = PredictResponse(model_spec=request.model_spec)
        response.model_spec.version.value = version
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        return response

    def _metadata(self, request: GetModelMetadataRequest) -> GetModelMetadataResponse:
        if list(request.metadata_field) != ["signature_def"]:
            raise RequestError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"metadata_field: must be signature_def, got {list(request.metadata_field)}",
            )
        version, model = self._models.find(request.model_spec)
        response = GetModelMetadataResponse()
        response.model_spec.name = self._models.name
        response.model_spec.version.value = version
        signatures = SignatureDefMap(signature_def=model.signature_defs)
        response.metadata["signature_def"].Pack(signatures)
        return response


class _ModelService(ModelServiceServicer):
    def __init__(self, models: _Models) -> None:
        self._models = models

    async def GetModelStatus(  # noqa: N802
        self, request: GetModelStatusRequest, context: grpc.aio.ServicerContext
    ) -> GetModelStatusResponse:
        try:
            statuses = self._models.statuses(request.model_spec)
        except RequestError as error:
            await context.abort(error.code, error.message)
        response = GetModelStatusResponse()
        for version, status in sorted(statuses.items(), reverse=True):
            found = response.model_version_status.add(version=version, state=status.state.value)
            if status.error:
                found.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
                found.status.error_message = status.error
        return response


def serve(folder: Path, **settings: Any) -> None:
    """Serve until SIGTERM or SIGINT; see `serve_until` for the arguments and errors."""

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve_until(stop, folder, **settings)

    asyncio.run(run())


async def serve_until(
    stop: asyncio.Event,
    folder: Path,
    *,
    name: str,
    host: str,
    port: int,
    poll_seconds: float,
    workers: int,
    report: Callable[[str], None],
) -> None:
    """Serve the newest version in a folder until told to stop, then finish pending requests.

    Args:
        stop: event that ends serving.
        folder: holds one SavedModel per version.
        name: the model's name in requests.
        host: address to listen on.
        port: port to listen on; 0 for any free one.
        poll_seconds: seconds between two checks for another version.
        workers: predictions that run at the same time; more have to wait.
        report: takes a line about each version that is served, ends or cannot be loaded.

    Raises:
        UserError: the port is not available, or no version can be loaded.
    """
    tf.get_logger().setLevel("ERROR")
    models = _Models(name, ModelFolder(folder, SavedModel))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="predict")
    server = grpc.aio.server(options=_OPTIONS, migration_thread_pool=pool)
    add_PredictionServiceServicer_to_server(_PredictionService(models, pool), server)
    add_ModelServiceServicer_to_server(_ModelService(models), server)
    address = f"{host}:{_bind(server, host, port)}"
    # Before the first version is loaded, so that clients can see that it is loading.
    await server.start()
    try:
        await _follow(models, address, poll_seconds, stop, report)
    finally:
        await server.stop(_GRACE_SECONDS)
        pool.shutdown()


async def _follow(
    models: _Models,
    address: str,
    poll_seconds: float,
    stop: asyncio.Event,
    report: Callable[[str], None],
) -> None:
    """Keep the newest version served, and report changes, until told to stop."""
    folder = models.folder
    await asyncio.to_thread(folder.refresh)
    _require_served(folder)
    problems: list[str] = []
    reported: set[str] = set()
    while not stop.is_set():
        statuses = sorted(folder.statuses.items())
        lines = [_line(models.name, version, status, address) for version, status in statuses]
        for line in lines + problems:
            if line not in reported:
                report(line)
        reported = {*lines, *problems}
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), poll_seconds)
        problems = await asyncio.to_thread(_refresh, folder)


def _refresh(folder: ModelFolder) -> list[str]:
    """Look for another version, and return errors as lines; the served version stays."""
    try:
        folder.refresh()
    except (UserError, OSError) as error:
        return [f"error: {error}"]
    return []


def _require_served(folder: ModelFolder) -> None:
    if not any(status.state is State.AVAILABLE for status in folder.statuses.values()):
        reasons = (f"version {v}: {status.error}" for v, status in folder.statuses.items())
        raise UserError(f"{folder.folder}: no version can be loaded: {'; '.join(reasons)}")


def _line(name: str, version: int, status: Status, address: str) -> str:
    if status.state is State.AVAILABLE:
        return f"serving {name} version {version} at {address}"
    if status.error:
        return f"error: {name} version {version} cannot be loaded: {status.error}"
    return f"{name} version {version}: {status.state.name.lower()}"


def _version(spec: ModelSpec) -> int | None:
    """Return the version that a request names; None for the served one."""
    if not spec.name:
        raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, "ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    if choice == "version_label":
        raise RequestError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"Unrecognized servable version label: {spec.version_label}",
        )
    return spec.version.value if choice == "version" else None


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    """Listen on the port, and return its number."""
    try:
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(
            f"{host}:{port}: cannot listen; the port must be free, and the address one of this "
            "machine"
        ) from error
