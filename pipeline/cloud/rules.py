"""Rules that single settings of a cloud run follow: images, URIs, names, labels."""

import re
from collections.abc import Iterable, Mapping

from fsspec.registry import known_implementations

from data_prep.errors import UserError
from data_prep.settings import shown
from data_prep.storage.uris import is_local, split_scheme

PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|\d+")
REGION = re.compile(r"[a-z]+-[a-z]+\d+")
ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
NETWORK = re.compile(r"projects/[^/\s]+/global/networks/[a-z]([-a-z0-9]*[a-z0-9])?")
ENCRYPTION_KEY = re.compile(
    r"projects/[^/\s]+/locations/(?P<region>[^/\s]+)/keyRings/[^/\s]+/cryptoKeys/[^/\s]+"
)
KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
KUBERNETES_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\.[a-z]+/[A-Za-z0-9][-\w.]{0,62}")
ENDPOINT = re.compile(r"https?://[^/\s?#@]+(?:/[^\s?#]*)?")
MACHINE_TYPE = re.compile(r"[a-z]+[0-9]*[a-z]*(?:-[a-z0-9]+)+")

_IMAGE = re.compile(
    r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9._-]+(?:/[a-z0-9._-]+)*(?::(?P<tag>[\w][\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*")
_LABELS = 64


def require(key: str, value: str, rule: str) -> None:
    """Check that a setting is not empty.

    Raises:
        UserError: it is.
    """
    if not value.strip():
        raise UserError(f"{key}: must be {rule}, got {shown(value)}")


def require_form(key: str, value: str, form: re.Pattern[str], rule: str) -> None:
    """Check that a setting has a form, or is empty.

    Raises:
        UserError: it has another form.
    """
    if value and not form.fullmatch(value):
        raise UserError(f"{key}: must be {rule}, got {shown(value)}")


def check_image(key: str, image: str) -> None:
    """Check that a container image names one version for good.

    Raises:
        UserError: it is empty, no image, or has neither a version's tag nor a digest.
    """
    rule = "an image with a version's tag or a digest, such as REGISTRY/layered-video:1.4"
    require(key, image, rule)
    match = _IMAGE.fullmatch(image)
    if match is None or not (match["tag"] or match["digest"]):
        raise UserError(f"{key}: must be {rule}, got {shown(image)}")
    if match["tag"] == "latest" and not match["digest"]:
        raise UserError(f"{key}: must be {rule}; latest changes between runs, got {shown(image)}")


def check_uri(key: str, uri: str, schemes: Iterable[str] = ()) -> None:
    """Check that a URI means the same on every machine.

    Args:
        key: the setting.
        uri: its value.
        schemes: the only schemes that are possible; any remote one by default.

    Raises:
        UserError: it is empty, has no scheme, or still holds a placeholder such as `BUCKET`.
    """
    example = f"{next(iter(schemes), 'gs')}://my-bucket/layered-video"
    rule = f"a URI that every machine can read, such as {example}"
    require(key, uri, rule)
    if is_local(uri):
        raise UserError(f"{key}: must be {rule}, got {shown(uri)}")
    scheme, path = split_scheme(uri)
    if schemes and scheme not in schemes:
        raise UserError(f"{key}: must begin with {' or '.join(_beginnings(schemes))}, got {uri}")
    bucket = path.partition("/")[0]
    if not bucket:
        raise UserError(f"{key}: must name a bucket, got {shown(uri)}")
    if _PLACEHOLDER.fullmatch(bucket):
        raise UserError(f"{key}: must name your bucket, got the placeholder {uri}")
    if scheme not in known_implementations:
        raise UserError(f"{key}: must have a scheme that is known, got {uri}")


def check_endpoint(key: str, endpoint: str, rule: str) -> None:
    """Check the address of an API.

    Raises:
        UserError: it is empty, or no address.
    """
    require(key, endpoint, rule)
    require_form(key, endpoint, ENDPOINT, rule)


def check_labels(labels: Mapping[str, str]) -> None:
    """Check the labels of runs, whose characters their type has checked.

    Raises:
        UserError: there are too many, or a name does not begin with a letter.
    """
    if len(labels) > _LABELS:
        raise UserError(f"cloud.labels: must be at most {_LABELS} labels, got {len(labels)}")
    for name in labels:
        if not name[0].isalpha():
            raise UserError(f"cloud.labels: a name must begin with a letter, got {name!r}")


def _beginnings(schemes: Iterable[str]) -> list[str]:
    return [f"{scheme}://" for scheme in schemes]
