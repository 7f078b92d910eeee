"""The versions that every server of a deployment has of a model."""

import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

import grpc

from serving.access import OPEN, Access
from serving.addresses import joined
from serving.calls import ACCESS_CODES
from serving.channel import open_channel, require_address
from serving.errors import AccessError, ServingError
from serving.versions import State
from serving.wire import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
)

_RPC_SECONDS = 10.0
_POLL_SECONDS = 0.5


class _State(NamedTuple):
    """What a server says of a version.

    Attributes:
        why_not_available: why it takes no requests; empty if it does.
        error: why it could not be loaded; empty if nothing failed, None if there is no answer.
    """

    why_not_available: str
    error: str | None = ""


class Replicas:
    """The servers of one model. All of them have to agree.

    Attributes:
        model: the servers' name for the model.
        addresses: HOST:PORT of each server.
    """

    def __init__(self, servers: Iterable[str], model: str, access: Access = OPEN) -> None:
        """Open a channel to every server, which connects when it is first used.

        Args:
            servers: HOST:PORT of each. A name with several addresses, such as that of a headless
                service in Kubernetes, stands for a server at each of them.
            model: the servers' name for the model.
            access: TLS and a token, if the servers require them.

        Raises:
            ServingError: an address has another form, or a host is unknown.
        """
        self.model = model
        self._headers = access.metadata()
        self._channels = {
            address: open_channel(address, access, name=server.rpartition(":")[0].strip("[]"))
            for server in servers
            for address in _resolved(server)
        }
        self.addresses = list(self._channels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for channel in self._channels.values():
            channel.close()

    def failed(self, version: int) -> set[str]:
        """Return the servers that report that they could not load a version."""
        return {address for address in self.addresses if self._state(address, version).error}

    def wait_available(self, version: int, failed_before: set[str], timeout: float) -> None:
        """Wait until every server reports a version as available.

        Args:
            version: the version.
            failed_before: servers whose error is an old one, from before the version was to be
                loaded, until they are seen to load it.
            timeout: seconds to wait at most.

        Raises:
            ServingError: a server cannot load it, or does not in that time.
        """
        old = set(failed_before)
        self._wait(lambda address: self._why_not_available(address, version, old), timeout)

    def wait_labeled(self, label: str, version: int, timeout: float) -> None:
        """Wait until every server answers requests for a label with a version.

        Args:
            label: the label.
            version: the version.
            timeout: seconds to wait at most.

        Raises:
            ServingError: a server does not in that time.
        """
        self._wait(lambda address: self._why_not_labeled(address, label, version), timeout)

    def _wait(self, reason: Callable[[str], str], timeout: float) -> None:
        """Wait until no server has a reason not to be ready; all are asked in every round."""
        end = time.monotonic() + timeout
        while reasons := [(a, why) for a in self.addresses if (why := reason(a))]:
            if time.monotonic() > end:
                address, why = reasons[0]
                raise ServingError(f"{self.model} at {address}: {why} after {timeout:g} s")
            time.sleep(_POLL_SECONDS)

    def _why_not_available(self, address: str, version: int, old: set[str]) -> str:
        """Return why a version takes no requests; empty if it does.

        Args:
            address: the server.
            version: the version.
            old: servers whose error is an old one; one that has none now is removed.
        """
        found = self._state(address, version)
        if found.error == "":
            old.discard(address)
        elif found.error and address not in old:
            raise ServingError(
                f"{self.model} at {address}: version {version} must load, got {found.error}"
            )
        return found.why_not_available

    def _state(self, address: str, version: int) -> _State:
        """Ask a server for the state of a version."""
        request = GetModelStatusRequest(model_spec=ModelSpec(name=self.model))
        try:
            response = self._call(
                address, "ModelService/GetModelStatus", request, GetModelStatusResponse
            )
        except grpc.RpcError as error:
            return _State(self._reason(address, error), error=None)
        found = [status for status in response.model_version_status if status.version == version]
        if not found:
            return _State(f"version {version} is not loaded")
        state, message = State(found[0].state), " ".join(found[0].status.error_message.split())
        if state == State.AVAILABLE:
            return _State("")
        return _State(
            " ".join(filter(None, (f"version {version} is {state.name}", message))), message
        )

    def _why_not_labeled(self, address: str, label: str, version: int) -> str:
        request = GetModelMetadataRequest(
            model_spec=ModelSpec(name=self.model, version_label=label),
            metadata_field=["signature_def"],
        )
        try:
            response = self._call(
                address, "PredictionService/GetModelMetadata", request, GetModelMetadataResponse
            )
        except grpc.RpcError as error:
            return self._reason(address, error)
        labeled = response.model_spec.version.value
        return "" if labeled == version else f"{label} is version {labeled}, not {version}"

    def _call(self, address: str, method: str, request: Any, response: Any) -> Any:
        call = self._channels[address].unary_unary(
            f"/tensorflow.serving.{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return call(request, timeout=_RPC_SECONDS, wait_for_ready=True, metadata=self._headers)

    def _reason(self, address: str, error: grpc.RpcError) -> str:
        """Return why a call failed, or raise AccessError if waiting does not help."""
        details = " ".join((error.details() or "").split())
        reason = f"{error.code().name}: {details}"
        if error.code() in ACCESS_CODES:
            raise AccessError(f"{self.model} at {address}: {reason}")
        return reason


def _resolved(server: str) -> list[str]:
    """Return HOST:PORT for every address of a host, IPv4 if it has any."""
    require_address(server)
    host, _, port = server.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServingError(f"server: must be a known host, got {host}: {error}") from error
    v4 = {str(where[0]) for family, _, _, _, where in found if family == socket.AF_INET}
    v6 = {str(where[0]) for family, _, _, _, where in found if family == socket.AF_INET6}
    return sorted(joined(address, int(port)) for address in v4 or v6)
