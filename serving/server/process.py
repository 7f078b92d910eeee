"""The life of the server: it listens, follows its folders, and ends without dropping requests."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import tensorflow as tf

from serving.addresses import joined
from serving.server.admission import Admission
from serving.server.batcher import Batcher
from serving.server.config_source import ConfigSource
from serving.server.grpc_server import SERVICES, GrpcServer
from serving.server.health import ServerHealth
from serving.server.limits import InputLimits
from serving.server.loaded_model import SavedModel
from serving.server.metrics import CallMetrics
from serving.server.reloads import Reloads
from serving.server.rest.api import RestApi
from serving.server.rest.http_server import RestServer
from serving.server.served_models import ServedModels
from serving.server.settings import ServerSettings
from serving.server.watcher import Watcher


def serve(source: ConfigSource, settings: ServerSettings, report: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; see `serve_until` for the arguments and errors."""
    stop = threading.Event()
    handlers = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        serve_until(stop, source, settings, report)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    # Python would wait for predictions and versions that load, which nothing can interrupt, and
    # then take seconds to free TensorFlow.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(0)


def serve_until(
    stop: threading.Event,
    source: ConfigSource,
    settings: ServerSettings,
    report: Callable[[str], None],
) -> None:
    """Serve models until told to stop.

    Then running predictions get `settings.grace` seconds to finish, and waiting ones are refused as
    UNAVAILABLE.

    Args:
        stop: event that ends serving.
        source: the models' configuration. Their folders may be empty at first.
        settings: what the server listens on and takes on.
        report: takes a line about each version that is served, ends or cannot be loaded.

    Raises:
        UserError: a port is not available, the configuration or a file for TLS or tokens is wrong,
            or no version of a model can be loaded.
    """
    tf.get_logger().setLevel("ERROR")
    limits = InputLimits(settings.max_batch, settings.max_bytes)
    batcher = Batcher(settings.workers, settings.join)
    models, reloads = ServedModels(lambda path: SavedModel(path, limits, batcher)), Reloads()
    admission = Admission(settings.workers, settings.queue, settings.join, settings.max_bytes)
    metrics, health = CallMetrics(admission, batcher), ServerHealth(SERVICES)
    server = GrpcServer(models, reloads, admission, metrics, health, settings)
    address = server.listen()
    if settings.metrics_port is not None:
        port = metrics.listen(settings.host, settings.metrics_port)
        report(f"metrics at http://{joined(settings.host, port)}/metrics")
    rest = None
    if settings.rest_port is not None:
        rest = RestServer(RestApi(models), admission, metrics, settings)
        report(f"REST at {rest.start(settings.rest_port)}")
    # Before the first version is loaded, so that clients can see that it is loading.
    server.start()
    watcher = Watcher(models, source, reloads, health, address, settings.poll_seconds, report, stop)
    watcher.start()
    stop.wait()
    health.end()
    admission.close()
    batcher.close()
    stopped = server.stop()
    if rest is not None:
        rest.stop().result()
    stopped.wait()
    if watcher.error:
        raise watcher.error
