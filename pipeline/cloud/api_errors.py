"""Errors of the platforms' APIs as one line, and repetition of what may succeed the next time."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import ParamSpec, TypeVar

import tenacity

from data_prep.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")

READ_TIMEOUT = 20.0
"""Seconds that an API may take to answer a question."""
WRITE_TIMEOUT = 60.0
"""Seconds that an API may take to create or change something."""

_ATTEMPTS = 4
_PATIENCE = 30.0  # seconds
_LONGEST = 300  # characters of a platform's message

_PHRASES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "credentials are missing or expired",
    HTTPStatus.FORBIDDEN: "permission denied",
    HTTPStatus.NOT_FOUND: "not found",
    HTTPStatus.TOO_MANY_REQUESTS: "a quota is exhausted",
}


class ApiError(UserError):
    """An answer of a platform that is an error, or no answer.

    Attributes:
        code: the HTTP status; 0 without an answer.
        is_timeout: whether the platform took too long.
    """

    def __init__(self, message: str, code: int = 0, *, is_timeout: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_timeout = is_timeout

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in (0, HTTPStatus.TOO_MANY_REQUESTS) or self.code >= 500

    @property
    def may_have_arrived(self) -> bool:
        """Whether the platform may have done what it was asked for nevertheless."""
        return self.code == 0 or self.code >= 500


def refused(platform: str, code: int, message: str) -> ApiError:
    """Return the error of an answer.

    Args:
        platform: the platform's name and address.
        code: the HTTP status.
        message: the platform's words, or its JSON.
    """
    phrase = _PHRASES.get(code)
    if phrase is None:
        phrase = "the service failed" if code >= 500 else "the request was refused"
    return ApiError(f"{platform}: {phrase} ({code}): {shortened(_words(message))}", code)


def unreachable(platform: str, error: Exception) -> ApiError:
    """Return the error of an address where nothing answers."""
    reason = error
    while reason.__cause__ or getattr(reason, "reason", None) or _first(reason):
        inner = reason.__cause__ or getattr(reason, "reason", None) or _first(reason)
        if not isinstance(inner, Exception):
            break
        reason = inner
    words = str(reason).rpartition(">: ")[2] or type(reason).__name__
    return ApiError(f"{platform}: must be reachable, got: {shortened(words)}")


def timed_out(platform: str, seconds: float) -> ApiError:
    """Return the error of an answer that did not come in time."""
    return ApiError(f"{platform}: must answer within {seconds:.0f} s", is_timeout=True)


def retrying(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function again, after a wait, if it fails with an `ApiError` that may pass.

    What took too long is not tried again.
    """
    return tenacity.retry(
        retry=tenacity.retry_if_exception(_is_worth_it),
        stop=tenacity.stop_after_attempt(_ATTEMPTS) | tenacity.stop_after_delay(_PATIENCE),
        wait=tenacity.wait_exponential(multiplier=0.25, max=4),
        reraise=True,
    )(function)


def shortened(message: str) -> str:
    """Return a platform's message as one line of bounded length."""
    line = " ".join(message.split()) or "no reason given"
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _is_worth_it(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.may_pass and not error.is_timeout


def _words(message: str) -> str:
    """Return the message inside the JSON that servers answer with."""
    try:
        values = json.loads(message)
    except ValueError:
        return message
    while isinstance(values, dict):
        values = values.get("error_message") or values.get("message") or values.get("error")
    return values if isinstance(values, str) else message


def _first(error: BaseException) -> object:
    return error.args[0] if error.args and isinstance(error.args[0], Exception) else None
