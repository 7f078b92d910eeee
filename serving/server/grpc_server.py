"""The gRPC server: its services, what all calls go through, and its port."""

import importlib
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
from serving.secret_files import read_token
from serving.server.admission import Admission
from serving.server.health import ServerHealth
from serving.server.interceptor import CallInterceptor
from serving.server.metrics import CallMetrics
from serving.server.reloads import Reloads
from serving.server.security import TokenInterceptor, server_credentials
from serving.server.served_models import ServedModels
from serving.server.services import ModelService, PredictionService
from serving.server.settings import ServerSettings

SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
"""Names of TensorFlow Serving's services."""

_BOUNDED = frozenset({"/tensorflow.serving.PredictionService/Predict"})
# Threads for the methods that answer at once, so that they do while predictions wait.
_QUICK_CALLS = 16


def create_server(
    models: ServedModels,
    reloads: Reloads,
    admission: Admission,
    metrics: CallMetrics,
    health: ServerHealth,
    settings: ServerSettings,
) -> grpc.Server:
    """Create the server with its services, and neither listen nor start.

    Raises:
        UserError: the token file holds no token.
    """
    interceptors: list[grpc.ServerInterceptor] = [CallInterceptor(admission, _BOUNDED, metrics)]
    if settings.token_file is not None:
        interceptors.insert(0, TokenInterceptor(read_token(settings.token_file)))
    calls = settings.workers + settings.queue + _QUICK_CALLS
    server = grpc.server(
        ThreadPoolExecutor(calls, thread_name_prefix="call"),
        interceptors=interceptors,
        options=[
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", settings.max_bytes),
            ("grpc.so_reuseport", 0),  # a port in use is an error; gRPC shares it by default
        ],
        maximum_concurrent_rpcs=calls,
    )
    add_PredictionServiceServicer_to_server(PredictionService(models), server)
    add_ModelServiceServicer_to_server(ModelService(models, reloads), server)
    add_HealthServicer_to_server(health.servicer, server)
    _import_descriptors()
    enable_server_reflection((*SERVICES, HEALTH, REFLECTION), server)
    return server


def _import_descriptors() -> None:
    """Register the descriptors of TensorFlow Serving's services, which reflection looks up.

    Their generated modules do so first, and then fail on the protobuf that TensorFlow needs.
    """
    for module in ("prediction_service_pb2", "model_service_pb2"):
        with suppress(AttributeError):
            importlib.import_module(f"tensorflow_serving.apis.{module}")


def listen(server: grpc.Server, settings: ServerSettings) -> str:
    """Listen on the port, with TLS if there is a certificate, and return HOST:PORT.

    Raises:
        UserError: the port is not available, or the files for TLS are wrong.
    """
    credentials = server_credentials(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.port}"
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise UserError(
            f"{address}: cannot listen; the port must be free, and the address one of this machine"
        ) from error
    return f"{host}:{port}"
