"""Which errors of a storage last, and which may pass."""

import errno

from data_prep.errors import StorageError, StorageMissingError

OF_THE_FILE = frozenset(
    {
        errno.EACCES,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EPERM,
    }
)
"""Numbers of errors that are a property of a file or folder."""
_OF_THE_DISK = frozenset({errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EROFS})


def is_lasting(error: StorageError) -> bool:
    """Say whether an error is a property of the file, such as a missing permission.

    Other errors of a storage (input/output, timeout, no connection) may pass. A full disk is
    neither: it lasts, but says nothing about the file.
    """
    cause = _cause(error)
    return isinstance(cause, StorageMissingError | PermissionError) or _number(cause) in OF_THE_FILE


def may_pass(error: StorageError) -> bool:
    """Say whether the same may succeed the next time."""
    cause = _cause(error)
    if cause is None:  # a rule of ours, such as a file that must not have changed
        return False
    return not is_lasting(error) and _number(cause) not in _OF_THE_DISK


def _cause(error: StorageError) -> BaseException | None:
    """Return what the store raised, or the error itself if a file is missing."""
    cause: BaseException | None = error
    while isinstance(cause, StorageError) and not isinstance(cause, StorageMissingError):
        cause = cause.__cause__
    return cause


def _number(cause: BaseException | None) -> int | None:
    return cause.errno if isinstance(cause, OSError) else None
