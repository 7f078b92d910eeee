"""URIs of files and folders: `s3://bucket/file`, or simply a local path."""

import os
import re
from pathlib import PurePosixPath

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")


def split_scheme(uri: str) -> tuple[str, str]:
    """Split a URI into its scheme, in lower case and "" for a local path, and the rest."""
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


def absolute(uri: str) -> str:
    """Return the URI without a trailing slash; a local path also absolute and free of links."""
    if is_local(uri):
        return os.path.realpath(local_path(uri))
    return uri.rstrip("/") if split_scheme(uri)[1].strip("/") else uri
