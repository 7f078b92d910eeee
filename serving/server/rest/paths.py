"""Paths of TensorFlow Serving's REST interface, by the expressions of http_rest_api_util.cc."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.errors import StatusError, invalid
from serving.versions import parse_version

PREFIX = re.compile(r"/v1/", re.IGNORECASE)
"""Begins every path that is not simply unknown."""

_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<verb>classify|regress|predict)", re.IGNORECASE
)
_GET = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<verb>metadata))?", re.IGNORECASE
)
_EXPRESSIONS = {"POST": _POST, "GET": _GET}


class Target(NamedTuple):
    """What a request is about.

    Attributes:
        verb: `classify`, `regress` or `predict` of a POST; `metadata` or empty, for the states, of
            a GET. Only lower case counts.
        spec: the model and its version.
    """

    verb: str
    spec: ModelSpec


def parse_path(method: str, path: str) -> Target:
    """Return what a request is about.

    Args:
        method: HTTP's method.
        path: the escaped path, which begins with `PREFIX`, without a query.

    Raises:
        StatusError: the method has no such path.
    """
    expression = _EXPRESSIONS.get(method)
    match = expression.fullmatch(path) if expression else None
    if match is None:
        raise malformed(method, path)
    if match["name"] is None:
        raise invalid("Missing model name in request.")
    spec = ModelSpec(name=_unescaped(match["name"]))
    if match["version"]:
        spec.version.value = _version(match["version"])
    if match["label"]:
        spec.version_label = _unescaped(match["label"])
    return Target(match["verb"] or "", spec)


def malformed(method: str, path: str) -> StatusError:
    """Return the error of a method and a path that do not go together."""
    return invalid(f"Malformed request: {method} {path}")


def _version(text: str) -> int:
    version = parse_version(text)
    if version is None:
        raise invalid(f"Failed to convert version: {text} to numeric.")
    return version


def _unescaped(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise invalid(f"path: must be UTF-8, got {text}") from error
