"""The life of the server: it listens, follows its folders, and ends without dropping requests."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    add_PredictionServiceServicer_to_server,
)

from data_prep.errors import UserError
from serving.server.admission import Admission
from serving.server.interceptor import CallInterceptor
from serving.server.limits import InputLimits
from serving.server.loaded_model import SavedModel
from serving.server.model_folder import ModelFolder
from serving.server.served_models import ServedModels
from serving.server.services import ModelService, PredictionService
from serving.server.settings import ServerSettings
from serving.server.watcher import Watcher

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
# Threads for the methods that answer at once, so that they do while predictions wait.
_QUICK_CALLS = 16


def serve(folder: Path, settings: ServerSettings, report: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; see `serve_until` for the arguments and errors."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve_until(stop, folder, settings, report)
    # Python would wait for predictions and versions that load, which nothing can interrupt, and
    # then take seconds to free TensorFlow.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(0)


def serve_until(
    stop: threading.Event,
    folder: Path,
    settings: ServerSettings,
    report: Callable[[str], None],
) -> None:
    """Serve the newest version in a folder until told to stop.

    Then running predictions get `settings.grace` seconds to finish, and waiting ones are refused as
    UNAVAILABLE.

    Args:
        stop: event that ends serving.
        folder: holds one SavedModel per version. It may be empty at first.
        settings: what the server listens on and takes on.
        report: takes a line about each version that is served, ends or cannot be loaded.

    Raises:
        UserError: the port is not available, or none of the versions can be loaded.
    """
    tf.get_logger().setLevel("ERROR")
    limits = InputLimits(settings.max_batch, settings.max_bytes)
    models = ServedModels({settings.name: ModelFolder(folder, lambda p: SavedModel(p, limits))})
    admission = Admission(settings.workers, settings.queue)
    server = _create(models, admission, settings)
    address = _listen(server, settings)
    # Before the first version is loaded, so that clients can see that it is loading.
    server.start()
    watcher = Watcher(models, address, settings.poll_seconds, report, stop)
    watcher.start()
    stop.wait()
    admission.close()
    server.stop(settings.grace).wait()
    if watcher.error:
        raise watcher.error


def _create(models: ServedModels, admission: Admission, settings: ServerSettings) -> grpc.Server:
    """Create the server with its services."""
    calls = settings.workers + settings.queue + _QUICK_CALLS
    server = grpc.server(
        ThreadPoolExecutor(calls, thread_name_prefix="call"),
        interceptors=[CallInterceptor(admission, frozenset({_PREDICT}))],
        options=[
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", settings.max_bytes),
            ("grpc.so_reuseport", 0),  # a port in use is an error; gRPC shares it by default
        ],
        maximum_concurrent_rpcs=calls,
    )
    add_PredictionServiceServicer_to_server(PredictionService(models), server)
    add_ModelServiceServicer_to_server(ModelService(models), server)
    return server


def _listen(server: grpc.Server, settings: ServerSettings) -> str:
    """Listen on the port, and return HOST:PORT."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        return f"{host}:{server.add_insecure_port(f'{host}:{settings.port}')}"
    except RuntimeError as error:
        raise UserError(
            f"{host}:{settings.port}: cannot listen; the port must be free, and the address one of "
            "this machine"
        ) from error
