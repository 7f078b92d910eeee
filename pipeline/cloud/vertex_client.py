"""Calls of Vertex AI's API through Google's client library."""

from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.cloud.api_errors import (
    READ_TIMEOUT,
    WRITE_TIMEOUT,
    ApiError,
    refused,
    retrying,
    timed_out,
    unreachable,
)
from pipeline.cloud.cloud_config import VertexConfig

if TYPE_CHECKING:
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import Credentials
    from google.cloud.aiplatform_v1 import PipelineServiceClient, ScheduleServiceClient

_INSECURE = "http://"


class VertexClient:
    """Pipelines and schedules of a project in a region.

    The calls go over REST. The library's own class `PipelineJob` is not used: it creates buckets
    and grants rights before it submits.

    Attributes:
        parent: resource name of the project and region.
        title: names the API in error messages.
    """

    def __init__(self, config: VertexConfig) -> None:
        self._endpoint = config.endpoint or f"https://{config.region}-aiplatform.googleapis.com"
        self.parent = f"projects/{config.project}/locations/{config.region}"
        self.title = f"Vertex AI at {self._endpoint}"

    @cached_property
    def pipelines(self) -> "PipelineServiceClient":
        """The service of runs."""
        from google.cloud.aiplatform_v1 import PipelineServiceClient

        return PipelineServiceClient(**self._connection)

    @cached_property
    def schedules(self) -> "ScheduleServiceClient":
        """The service of schedules."""
        from google.cloud.aiplatform_v1 import ScheduleServiceClient

        return ScheduleServiceClient(**self._connection)

    def ask(self, method: Callable[..., Any], **request: Any) -> Any:
        """Call a method that changes nothing, several times if the API is overloaded.

        Raises:
            ApiError: the API answered with an error, or not at all.
        """
        return retrying(self._call)(method, READ_TIMEOUT, request)

    def ask_for_list(self, method: Callable[..., Any], count: int, **request: Any) -> list[Any]:
        """Return the first items of a list; see `ask`."""

        def read() -> list[Any]:
            # The pages after the first are fetched while the list is read.
            return self._translated(
                lambda: list(islice(method(request, timeout=READ_TIMEOUT), count)), READ_TIMEOUT
            )

        return retrying(read)()

    def change(self, method: Callable[..., Any], **request: Any) -> Any:
        """Call a method that creates or changes something, once.

        Raises:
            ApiError: the API answered with an error, or not at all.
        """
        return self._call(method, WRITE_TIMEOUT, request)

    def finish(self, operation: Any) -> None:
        """Wait for an operation that the API goes on with after its answer.

        Raises:
            ApiError: it failed, or takes too long.
        """
        self._translated(lambda: operation.result(timeout=WRITE_TIMEOUT), WRITE_TIMEOUT)

    def required(self, resource: Any) -> Any:
        """Return a resource of an answer.

        Raises:
            ApiError: it has no name, because something else than the API has answered.
        """
        if not resource.name:
            raise self._unknown()
        return resource

    def _call(self, method: Callable[..., Any], seconds: float, request: dict[str, Any]) -> Any:
        return self._translated(lambda: method(request, timeout=seconds), seconds)

    def _translated(self, call: Callable[[], Any], seconds: float) -> Any:
        import requests
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.protobuf import json_format

        try:
            return call()
        except (requests.exceptions.ReadTimeout, TimeoutError) as error:
            raise timed_out(self.title, seconds) from error
        except exceptions.GoogleAPICallError as error:
            raise refused(self.title, int(error.code or 0), _answer(error)) from error
        except (requests.exceptions.RequestException, TransportError) as error:
            raise unreachable(self.title, error) from error
        except GoogleAuthError as error:
            raise self._no_credentials() from error
        except (ValueError, AttributeError, json_format.Error) as error:
            # The library expects messages, and errors in the form that Google's services have.
            raise self._unknown() from error

    def _unknown(self) -> ApiError:
        rule = "must be the API of Vertex AI"
        given = "an answer of another kind"
        return ApiError(f"{self.title}: {rule}, got {given}", HTTPStatus.BAD_REQUEST)

    @cached_property
    def _connection(self) -> dict[str, Any]:
        return {
            "transport": "rest",
            "credentials": self._credentials(),
            "client_options": self._options(),
        }

    def _options(self) -> "ClientOptions":
        from google.api_core.client_options import ClientOptions

        return ClientOptions(api_endpoint=self._endpoint)

    def _credentials(self) -> "Credentials":
        """Return the credentials of the environment; they never go out unencrypted."""
        import google.auth
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import GoogleAuthError

        if self._endpoint.startswith(_INSECURE):
            return AnonymousCredentials()
        scope = "https://www.googleapis.com/auth/cloud-platform"
        try:
            credentials, _ = google.auth.default(scopes=[scope])
        except GoogleAuthError as error:
            raise self._no_credentials() from error
        return credentials

    def _no_credentials(self) -> ApiError:
        """Return the error of credentials that are missing or expired, or may not be sent."""
        if self._endpoint.startswith(_INSECURE):
            rule = "must need no credentials, or be an address that begins with https://"
            return ApiError(f"cloud.vertex.endpoint: {rule}, got {self._endpoint}", 401)
        hint = "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"
        return ApiError(f"Google Cloud credentials: must be valid; {hint}", 401)


def _answer(error: Any) -> str:
    """Return the server's answer; the library's message repeats the request before it."""
    response = getattr(error, "response", None)
    return str(getattr(response, "text", "") or error.message)
