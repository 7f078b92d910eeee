"""Calls of Vertex AI's API of custom jobs, through Google's client library."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from components.training.job_config import TrainingJob
from data_prep.errors import UserError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.aiplatform_v1.types import CustomJob

_PATIENCE = 600.0  # seconds for which an API that fails is asked again
_TIMEOUT = 60.0
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class NoMachinesError(UserError):
    """There are no machines of a type, or the project may not have more of them."""


class JobApi:
    """The custom jobs of a project in a region, over REST.

    Args:
        job: says where they are.
        patience: seconds for which an API that is overloaded or out of reach is asked again.
    """

    def __init__(self, job: TrainingJob, *, patience: float = _PATIENCE) -> None:
        from google.api_core.retry import Retry, if_transient_error
        from google.cloud.aiplatform_v1 import JobServiceClient

        self._parent = job.parent
        self._title = f"Vertex AI at {job.address}"
        self._retry = Retry(predicate=if_transient_error, initial=0.5, maximum=30, timeout=patience)
        self._client = JobServiceClient(
            transport="rest",
            credentials=_credentials(job.address),
            client_options={"api_endpoint": job.address},
        )

    def newest(self, name: str) -> "CustomJob | None":
        """Return the newest job with a display name.

        Raises:
            UserError: the API answered with an error, or not at all.
        """
        request = {"parent": self._parent, "filter": f'display_name="{name}"'}
        found = self._call(lambda: list(self._client.list_custom_jobs(request, **self._patient)))
        return max(found, key=lambda job: job.create_time, default=None)

    def create(self, spec: Mapping[str, Any]) -> "CustomJob":
        """Create a job, once. A failure may mean that it was created nevertheless.

        Raises:
            NoMachinesError: there are no machines, or no quota for them.
            UserError: the API answered with another error, or not at all.
        """
        request = {"parent": self._parent, "custom_job": spec}
        return self._call(
            lambda: self._client.create_custom_job(request, retry=None, timeout=_TIMEOUT)
        )

    def get(self, name: str) -> "CustomJob":
        """Return a job by its resource name.

        Raises:
            UserError: the API answered with an error, or not at all.
        """
        return self._call(lambda: self._client.get_custom_job({"name": name}, **self._patient))

    def cancel(self, name: str) -> None:
        """Cancel a job; one that has ended stays as it is.

        Raises:
            UserError: the API answered with an error, or not at all.
        """
        from google.api_core.exceptions import FailedPrecondition, InvalidArgument

        def cancel() -> None:
            with suppress(FailedPrecondition, InvalidArgument):  # it is in a final state
                self._client.cancel_custom_job({"name": name}, **self._patient)

        self._call(cancel)

    @property
    def _patient(self) -> dict[str, Any]:
        return {"retry": self._retry, "timeout": _TIMEOUT}

    def _call(self, call: Callable[[], Any]) -> Any:
        import requests
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError

        try:
            return call()
        except exceptions.TooManyRequests as error:
            raise NoMachinesError(f"{self._title}: {_line(error.message)}") from error
        except exceptions.GoogleAPICallError as error:
            raise UserError(f"{self._title}: {_line(error.message)}") from error
        except (exceptions.RetryError, requests.RequestException, GoogleAuthError) as error:
            raise UserError(f"{self._title}: must be reachable, got {_line(str(error))}") from error


def _credentials(address: str) -> "Credentials":
    """Return the stage's credentials; they never go out unencrypted."""
    import google.auth
    from google.auth.credentials import AnonymousCredentials

    if address.startswith("http://"):
        return AnonymousCredentials()
    credentials, _ = google.auth.default(scopes=[_SCOPE])
    return credentials


def _line(message: str) -> str:
    return " ".join(message.split())[:300]
