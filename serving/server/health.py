"""Health of the server, as Kubernetes and load balancers ask for it."""

from collections.abc import Iterable

from grpc_health.v1.health import OVERALL_HEALTH, HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse

from serving.server.model_folder import ModelFolder


class ServerHealth:
    """SERVING while every model has a version that takes requests.

    Attributes:
        servicer: answers the calls of grpc.health.v1.
    """

    def __init__(self, services: Iterable[str]) -> None:
        """Create it, as not serving.

        Args:
            services: names that clients may ask for, besides the empty one.
        """
        self.servicer = HealthServicer()
        self._services = (OVERALL_HEALTH, *services)
        self._serving: bool | None = None
        self._set(False)

    def update(self, folders: Iterable[ModelFolder]) -> None:
        """Follow the states of the models' versions."""
        self._set(all(folder.available() for folder in folders))

    def end(self) -> None:
        """Report NOT_SERVING from now on, so that no more requests are sent here."""
        self.servicer.enter_graceful_shutdown()

    def _set(self, serving: bool) -> None:
        if serving == self._serving:
            return
        self._serving = serving
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for service in self._services:
            self.servicer.set(service, status)
