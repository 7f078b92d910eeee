"""Errors that a user can fix."""

from typing import Self


class UserError(ValueError):
    """Input or settings that a user can fix; command lines print the message on one line.

    The message names the thing, the rule and the value: `<thing>: <rule>, got <value>`.
    """


class StorageError(UserError, OSError):
    """A file operation that failed: `URI: REASON`.

    Attributes:
        uri: the file or folder.
        reason: what went wrong, on one line.
    """

    def __new__(cls, *args: object) -> Self:
        """Create the error; Dask's way to pickle errors would find the method of ValueError."""
        return OSError.__new__(cls, *args)

    def __init__(self, uri: str, reason: str):
        super().__init__(uri, reason)  # both in `args`, so that Beam can pass the error on
        self.uri = uri
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.uri}: {self.reason}"


class StorageMissingError(StorageError):
    """A file or folder that does not exist."""
