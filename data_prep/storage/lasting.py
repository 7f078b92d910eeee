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
_OF_THE_REQUEST = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.ENOSYS, errno.ENOTSUP})
# What a client raises about what it was asked to do, or cannot do.
_MISTAKES = (AttributeError, ImportError, NotImplementedError, TypeError, ValueError)
# Classes of client libraries that may not be installed: s3fs raises botocore's.
_CREDENTIALS = frozenset(
    {
        "DefaultCredentialsError",
        "NoCredentialsError",
        "ParamValidationError",
        "PartialCredentialsError",
        "ProfileNotFound",
    }
)
_PASSING_STATUS = frozenset({408, 425, 429})  # of those from 400 to 499


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
    if is_lasting(error) or isinstance(cause, _MISTAKES) or _is_refusal(cause):
        return False
    return _number(cause) not in _OF_THE_DISK | _OF_THE_REQUEST


def _is_refusal(cause: BaseException) -> bool:
    """Say whether a client lacks credentials, or a store refuses what it has understood."""
    if _CREDENTIALS.intersection(kind.__name__ for kind in type(cause).__mro__):
        return True
    status = getattr(cause, "code", None)  # of gcsfs' HttpError
    return isinstance(status, int) and 400 <= status < 500 and status not in _PASSING_STATUS


def _cause(error: StorageError) -> BaseException | None:
    """Return what the store raised, or the error itself if a file is missing."""
    cause: BaseException | None = error
    while isinstance(cause, StorageError) and not isinstance(cause, StorageMissingError):
        cause = cause.__cause__
    return cause


def _number(cause: BaseException | None) -> int | None:
    if not isinstance(cause, OSError):
        return None
    if cause.errno is None and str(cause).startswith("Forbidden"):  # gcsfs
        return errno.EACCES
    return cause.errno
