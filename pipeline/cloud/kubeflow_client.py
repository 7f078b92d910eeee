"""Calls of the API of Kubeflow Pipelines through its client library."""

import json
import os
import warnings
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from pipeline.cloud.api_errors import (
    READ_TIMEOUT,
    WRITE_TIMEOUT,
    ApiError,
    refused,
    retrying,
    timed_out,
    unreachable,
)
from pipeline.cloud.cloud_config import KubeflowConfig

if TYPE_CHECKING:
    import kfp

TOKEN = "KFP_EXISTING_TOKEN"
"""Environment variable of a bearer token; that of the library's own command line."""
TOKEN_FILE = "KF_PIPELINES_SA_TOKEN_PATH"
"""Environment variable of a file with a service account's token, which is read for each call."""
COOKIES = "KF_PIPELINES_COOKIES"
"""Environment variable of a session's cookies."""
CA_FILE = "SSL_CERT_FILE"
"""Environment variable of a file with the certificates that are trusted."""
_CONSOLE = "KF_PIPELINES_UI_ENDPOINT"
_PAGE = 100
_CONNECT_TIMEOUT = 5.0  # seconds; the library tries several times
_EQUALS = "EQUALS"


class KubeflowClient:
    """Runs, experiments and recurring runs of an installation.

    Attributes:
        title: names the API in error messages.
    """

    def __init__(self, config: KubeflowConfig) -> None:
        self._config = config
        self.title = f"Kubeflow Pipelines at {config.endpoint}"

    @cached_property
    def api(self) -> "kfp.Client":
        """The library's client, which holds one attribute per service."""
        import kfp

        class Client(kfp.Client):
            """A client that asks nothing before its first call, and remembers nothing."""

            def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:
                return self.api_models.V2beta1GetHealthzResponse(multi_user=False)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a word about versions 1, which nobody uses
            return Client(
                host=self._config.endpoint,
                namespace=self._config.namespace,
                existing_token=os.environ.get(TOKEN),
                credentials=self._token_file(),
                cookies=os.environ.get(COOKIES),
                ssl_ca_cert=os.environ.get(CA_FILE),
            )

    def address(self, place: str) -> str:
        """Return an address in the console: that of the API, unless the environment has another."""
        console = os.environ.get(_CONSOLE, self._config.endpoint)
        return f"{console.rstrip('/')}/#/{place}"

    @property
    def scope(self) -> dict[str, str]:
        """The argument of lists in an installation for several users."""
        return {"namespace": self._config.namespace} if self._config.namespace else {}

    def ask(self, method: Callable[..., Any], *ids: str, **arguments: Any) -> Any:
        """Call a method that changes nothing, several times if the API is overloaded.

        Raises:
            ApiError: the API answered with an error, or not at all.
        """
        return retrying(self._call)(method, READ_TIMEOUT, *ids, **arguments)

    def ask_for_list(
        self, method: Callable[..., Any], items: str, count: int, **arguments: Any
    ) -> list[Any]:
        """Return the first items of a list.

        Args:
            method: the method.
            items: attribute of its answers that holds the items of a page.
            count: largest number of items.
            **arguments: the method's.

        Raises:
            ApiError: the API answered with an error, or not at all.
        """
        found: list[Any] = []
        page = ""
        while True:
            size = min(_PAGE, count - len(found))
            answer = self.ask(method, page_token=page, page_size=size, **arguments)
            found += getattr(answer, items) or []
            page = answer.next_page_token
            if not page or len(found) >= count:
                return found[:count]

    def change(self, method: Callable[..., Any], *given: Any, **arguments: Any) -> Any:
        """Call a method that creates or changes something, once.

        Args:
            method: the method.
            *given: an ID, or what is to be created; its name differs between versions of kfp.
            **arguments: the method's.

        Raises:
            ApiError: the API answered with an error, or not at all.
        """
        return self._call(method, WRITE_TIMEOUT, *given, **arguments)

    def required(self, identity: str | None) -> str:
        """Return an ID of an answer.

        Raises:
            ApiError: there is none, because something else than the API has answered.
        """
        if not identity:
            raise self._unknown()
        return identity

    def _call(
        self, method: Callable[..., Any], seconds: float, *given: Any, **arguments: Any
    ) -> Any:
        import kfp_server_api
        import urllib3

        try:
            # The library ignores a timeout that is a single float.
            return method(*given, **arguments, _request_timeout=(_CONNECT_TIMEOUT, seconds))
        except kfp_server_api.ApiException as error:
            if not error.status:  # no certificate that is trusted
                raise unreachable(self.title, error) from error
            # The whole exception holds the headers, and with them a session's cookies.
            raise refused(self.title, error.status, _text(error.body) or error.reason) from error
        except urllib3.exceptions.HTTPError as error:
            if _is_timeout(error):
                raise timed_out(self.title, seconds) from error
            raise unreachable(self.title, error) from error
        except (ValueError, kfp_server_api.OpenApiException) as error:
            raise self._unknown() from error

    def _unknown(self) -> ApiError:
        rule = "must be an API of Kubeflow Pipelines v2"
        given = "an answer of another kind, such as a page to sign in"
        return ApiError(f"{self.title}: {rule}, got {given}", HTTPStatus.BAD_REQUEST)

    def _token_file(self) -> Any:
        path = os.environ.get(TOKEN_FILE)
        if not path:
            return None
        if not os.access(path, os.R_OK):
            raise UserError(f"{TOKEN_FILE}: must be a readable file, got {path}")
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        return ServiceAccountTokenVolumeCredentials(path)


def named(name: str) -> str:
    """Return the filter of a list that finds what has a name."""
    predicate = {"operation": _EQUALS, "key": "display_name", "string_value": name}
    return json.dumps({"predicates": [predicate]})


def _text(body: Any) -> str:
    return body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")


def _is_timeout(error: Any) -> bool:
    import urllib3

    error = getattr(error, "reason", None) or error
    return isinstance(error, urllib3.exceptions.ReadTimeoutError)
