"""Repetition of what a storage failed to do, if it may succeed the next time."""

import errno
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import tenacity

from data_prep.errors import StorageError, StorageMissingError

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
_TRIED = f"tried {ATTEMPTS} times"
_LASTING = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


def retrying(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function again, after a short wait, if it fails with an error that may pass.

    Such are timeouts, lost connections and stale handles, but not a missing file or a full disk.
    What such a function gave up on is not tried again by another one that calls it.
    """
    return tenacity.retry(
        retry=tenacity.retry_if_exception(_may_pass),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=0.25, max=5),
        retry_error_callback=_give_up,
    )(function)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = state.outcome and state.outcome.exception()
    assert error, "only errors are tried again"
    error.add_note(_TRIED)
    raise error


def _may_pass(error: BaseException) -> bool:
    if not isinstance(error, StorageError):
        return False
    cause: BaseException | None = error
    while isinstance(cause, StorageError):
        if isinstance(cause, StorageMissingError) or _TRIED in getattr(cause, "__notes__", ()):
            return False
        cause = cause.__cause__
    if cause is None:  # a rule of ours, such as a file that must not have changed
        return False
    return not isinstance(cause, PermissionError) and getattr(cause, "errno", None) not in _LASTING
