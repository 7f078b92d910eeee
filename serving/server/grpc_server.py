"""The gRPC server: its services, what all calls go through, and its port."""

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as REFLECTION
from grpc_reflection.v1alpha.reflection import enable_server_reflection
from tensorflow_serving.apis.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    add_PredictionServiceServicer_to_server,
)

from data_prep.errors import UserError
from serving.addresses import joined
from serving.secret_files import read_token
from serving.server.admission import Admission
from serving.server.health import ServerHealth
from serving.server.interceptor import CallInterceptor
from serving.server.metrics import CallMetrics
from serving.server.open_calls import OpenCalls
from serving.server.open_streams import StreamInterceptor
from serving.server.reloads import Reloads
from serving.server.security import TokenInterceptor, server_credentials
from serving.server.served_models import ServedModels
from serving.server.services import ModelService, PredictionService
from serving.server.settings import ServerSettings

SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
"""Names of TensorFlow Serving's services."""

_ADMITTED = frozenset({"/tensorflow.serving.PredictionService/Predict"})
_OPEN_CALLS = 32  # of each other method, whether it answers at once or with a stream
_OTHER_METHODS = 10  # those of all services
_STREAM_READ_SECONDS = 5.0


class GrpcServer:
    """Answers calls in a thread each; what takes long is bounded, and the rest is quick."""

    def __init__(
        self,
        models: ServedModels,
        reloads: Reloads,
        admission: Admission,
        metrics: CallMetrics,
        health: ServerHealth,
        settings: ServerSettings,
    ) -> None:
        """Create it with its services, and neither listen nor start.

        Args:
            models: the served models.
            reloads: takes the configurations that clients send.
            admission: bounds on predictions, shared with REST.
            metrics: counts all calls but streams.
            health: answers gRPC's health checks.
            settings: what to listen on.

        Raises:
            UserError: the token file holds no token.
        """
        self._settings = settings
        open_calls = OpenCalls(_OPEN_CALLS)
        self._streams = StreamInterceptor(open_calls, _STREAM_READ_SECONDS)
        interceptors = [CallInterceptor(admission, _ADMITTED, open_calls, metrics), self._streams]
        if settings.token_file is not None:
            interceptors.insert(0, TokenInterceptor(read_token(settings.token_file), metrics))
        calls = settings.workers + settings.queue + _OPEN_CALLS * _OTHER_METHODS
        self._server = grpc.server(
            ThreadPoolExecutor(calls, thread_name_prefix="call"),
            interceptors=interceptors,
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", settings.max_bytes),
                ("grpc.so_reuseport", 0),  # a port in use is an error; gRPC shares it by default
            ],
            # Calls beyond their bounds are refused by a thread, so they count for a moment too.
            maximum_concurrent_rpcs=2 * calls,
        )
        add_PredictionServiceServicer_to_server(PredictionService(models), self._server)
        add_ModelServiceServicer_to_server(ModelService(models, reloads), self._server)
        add_HealthServicer_to_server(health.servicer, self._server)
        _import_descriptors()
        enable_server_reflection((*SERVICES, HEALTH, REFLECTION), self._server)

    def listen(self) -> str:
        """Listen on the port, with TLS if there is a certificate, and return HOST:PORT.

        Raises:
            UserError: the port is not available, or the files for TLS are wrong.
        """
        credentials = server_credentials(self._settings)
        address = joined(self._settings.host, self._settings.port)
        try:
            if credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            rule = "cannot listen; the port must be free, and the address one of this machine"
            raise UserError(f"{address}: {rule}") from error
        return joined(self._settings.host, port)

    def start(self) -> None:
        """Answer calls from now on."""
        self._server.start()

    def stop(self) -> threading.Event:
        """Refuse new calls, end streams, and give other calls the grace of the settings.

        Returns:
            An event that is set once all calls have ended.
        """
        stopped = self._server.stop(self._settings.grace)
        self._streams.end()
        return stopped


def _import_descriptors() -> None:
    """Register the descriptors of TensorFlow Serving's services, which reflection looks up.

    Their generated modules do so first, and then fail on the protobuf that TensorFlow needs.
    """
    for module in ("prediction_service_pb2", "model_service_pb2"):
        with suppress(AttributeError):
            importlib.import_module(f"tensorflow_serving.apis.{module}")
