"""Repetition of what a storage failed to do, if it may succeed the next time.

A remote store that has answered before is waited for, for two minutes: it may be restarted, or the
network may be down. One that has never answered is more likely to be misspelled.
"""

import logging
import time
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import tenacity

from data_prep.errors import StorageError
from data_prep.storage.lasting import may_pass
from data_prep.storage.stores import forget_answers, has_answered
from data_prep.storage.uris import is_local

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
"""How often something is tried on this machine, or in a store that has never answered."""
LONG_ATTEMPTS = 16
"""How often something is tried at most in a store that has answered before."""
PATIENCE = 120.0
"""Seconds after which a store that has answered before is given up."""

_LONGEST_WAIT = 15.0  # seconds between two attempts
_WORTH_TELLING = 2.0  # seconds
_TRIED = "tried several times"
_logger = logging.getLogger(__name__)


def retrying(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function again, after a wait, if it fails with an error that may pass.

    Such are timeouts, lost connections and stale handles, but not a missing file or a full disk.
    What such a function gave up on is not tried again by another one that calls it. Long waits are
    logged as warnings.
    """
    return _retrying(function, _is_worth_it)


def retrying_remote(function: Callable[P, T]) -> Callable[P, T]:
    """Do the same as `retrying` for errors of remote stores alone."""
    return _retrying(function, lambda error: _is_worth_it(error) and not _is_local(error))


def _retrying(
    function: Callable[P, T], is_worth_it: Callable[[BaseException], bool]
) -> Callable[P, T]:
    return tenacity.retry(
        retry=tenacity.retry_if_exception(is_worth_it),
        stop=_is_enough,
        wait=tenacity.wait_exponential(multiplier=0.25, max=_LONGEST_WAIT),
        sleep=lambda seconds: _sleep(seconds),
        before_sleep=_report,
        retry_error_callback=_give_up,
    )(function)


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _is_enough(state: tenacity.RetryCallState) -> bool:
    if state.attempt_number < ATTEMPTS or not has_answered(_error(state).uri):
        return state.attempt_number >= ATTEMPTS
    spent = state.seconds_since_start or 0.0
    return state.attempt_number >= LONG_ATTEMPTS or spent > PATIENCE


def _report(state: tenacity.RetryCallState) -> None:
    if state.upcoming_sleep >= _WORTH_TELLING:
        _logger.warning("%s; trying again in %.0f s", _error(state), state.upcoming_sleep)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = _error(state)
    error.add_note(_TRIED)
    forget_answers(error.uri)
    raise error


def _error(state: tenacity.RetryCallState) -> StorageError:
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, StorageError), "only these are tried again"
    return error


def _is_worth_it(error: BaseException) -> bool:
    return isinstance(error, StorageError) and not _was_given_up(error) and may_pass(error)


def _is_local(error: BaseException) -> bool:
    return isinstance(error, StorageError) and is_local(error.uri)


def _was_given_up(error: BaseException | None) -> bool:
    while isinstance(error, StorageError):
        if _TRIED in getattr(error, "__notes__", ()):
            return True
        error = error.__cause__
    return False
