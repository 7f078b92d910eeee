"""URIs of files and folders: `s3://bucket/file`, or simply a local path.

Nothing is escaped: a space, `%`, `#` or `?` in a URI is a character of the name.
"""

import os
import re
import uuid
from pathlib import PurePosixPath

from fsspec.registry import known_implementations

from data_prep.errors import StorageError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_FILE = re.compile(
    r"^file:(?://(?P<host>[^/]*)(?=/)|(?!//))(?P<path>/.*)$", re.IGNORECASE | re.DOTALL
)


def split_scheme(uri: str) -> tuple[str, str]:
    """Split a URI into its scheme, in lower case and "" for a local path, and the rest.

    Raises:
        StorageError: a `file:` URI on another host, or a chain such as `simplecache::s3://...`.
    """
    if re.match(r"file:/", uri, re.IGNORECASE):
        match = _FILE.match(uri)
        if match is None or (match["host"] or "").lower() not in ("", "localhost"):
            raise StorageError(uri, "must be file:///PATH, without a host")
        return "file", match["path"]
    if "::" in uri and uri.partition("::")[0] in known_implementations:
        raise StorageError(uri, "must be a single URI, not a chain with ::")
    match = _SCHEME.match(uri)
    return (match[1].lower(), uri[match.end() :]) if match else ("", uri)


def is_local(uri: str) -> bool:
    """Say whether a URI names something on this machine's file system."""
    return split_scheme(uri)[0] in ("", "file")


def local_path(uri: str) -> str:
    """Return the path of a local URI."""
    return split_scheme(uri)[1]


def join(folder: str, *names: str) -> str:
    """Return the URI of a file or folder inside a folder."""
    inside = "/".join(part.strip("/") for part in names)
    if not folder or folder.endswith("/"):  # "/", "memory://", or written with a slash
        return folder + inside
    return f"{folder}/{inside}"


def parent(uri: str) -> str:
    """Return the folder of a file or folder."""
    scheme, path = split_scheme(uri)
    if not scheme:
        return os.path.dirname(uri.rstrip("/")) or ("/" if uri.startswith("/") else ".")
    folder, slash, _ = path.rstrip("/").rpartition("/")
    return f"{scheme}://{folder or slash}"


def name(uri: str) -> str:
    """Return the last component of a URI."""
    return PurePosixPath(uri).name


def hidden_sibling(uri: str, ending: str) -> str:
    """Return a hidden name beside a file or folder that nobody else uses: `.NAME.<uuid>.ENDING`."""
    return join(parent(uri), f"{hidden_beginning(uri)}{uuid.uuid4().hex}.{ending}")


def is_draft(uri: str) -> bool:
    """Say whether a file was being written; see `files.replacing`."""
    return re.fullmatch(r"\..*\.[0-9a-f]{32}\.tmp", name(uri), re.DOTALL) is not None


def hidden_beginning(uri: str) -> str:
    """Return how the names of the hidden siblings of a file or folder begin."""
    # A name has at most 255 bytes, and its characters up to 4 each.
    return f".{name(uri)[:40]}."


def absolute(uri: str) -> str:
    """Return the URI without a trailing slash; a local path also absolute and free of links."""
    if is_local(uri):
        return os.path.realpath(local_path(uri))
    return uri.rstrip("/") if split_scheme(uri)[1].strip("/") else uri
