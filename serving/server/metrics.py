"""Metrics for Prometheus."""

import grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from data_prep.errors import UserError
from serving.addresses import joined
from serving.server.admission import Admission
from serving.server.batcher import Batcher

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class CallMetrics:
    """Counts calls by method and status, under the names that gRPC servers usually give them."""

    def __init__(self, admission: Admission, batcher: Batcher) -> None:
        """Create the metrics.

        Args:
            admission: counts all predictions that are not answered yet.
            batcher: counts those that run.
        """
        self._registry = CollectorRegistry()
        self._handled = Counter(
            "grpc_server_handled",
            "Calls that were answered, by status.",
            ("grpc_service", "grpc_method", "grpc_code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "Time to the answer, in seconds; with the time that a prediction waits.",
            ("grpc_service", "grpc_method"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        for state, value in (
            ("running", lambda: batcher.running),
            ("waiting", lambda: max(0, admission.admitted + admission.waiting - batcher.running)),
        ):
            gauge = Gauge(
                f"serving_predictions_{state}", f"Predictions {state} now.", registry=self._registry
            )
            gauge.set_function(value)

    def record(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a call.

        Args:
            method: `/PACKAGE.SERVICE/METHOD`; only known ones, so that their number is bounded.
            code: its status.
            seconds: time from its arrival to its answer.
        """
        _, service, name = method.split("/")
        self._handled.labels(service, name, code.name).inc()
        self._seconds.labels(service, name).observe(seconds)

    def listen(self, host: str, port: int) -> int:
        """Serve the metrics over HTTP, under any path, and return the port.

        Raises:
            UserError: the port is not available.
        """
        try:
            server, _ = start_http_server(port, host, self._registry)
        except OSError as error:
            raise UserError(
                f"{joined(host, port)}: cannot listen for metrics: {error.strerror or error}"
            ) from error
        return server.server_port
