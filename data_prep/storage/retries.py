"""Repetition of what a storage failed to do, if it may succeed the next time."""

from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import tenacity

from data_prep.errors import StorageError
from data_prep.storage.lasting import may_pass

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
_TRIED = f"tried {ATTEMPTS} times"


def retrying(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function again, after a short wait, if it fails with an error that may pass.

    Such are timeouts, lost connections and stale handles, but not a missing file or a full disk.
    What such a function gave up on is not tried again by another one that calls it.
    """
    return tenacity.retry(
        retry=tenacity.retry_if_exception(_is_worth_it),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=0.25, max=5),
        retry_error_callback=_give_up,
    )(function)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = state.outcome and state.outcome.exception()
    assert error, "only errors are tried again"
    error.add_note(_TRIED)
    raise error


def _is_worth_it(error: BaseException) -> bool:
    return isinstance(error, StorageError) and not _was_given_up(error) and may_pass(error)


def _was_given_up(error: BaseException | None) -> bool:
    while isinstance(error, StorageError):
        if _TRIED in getattr(error, "__notes__", ()):
            return True
        error = error.__cause__
    return False
