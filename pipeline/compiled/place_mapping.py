"""Local folders that stand for the buckets which a compiled pipeline names."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep import storage
from data_prep.errors import UserError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]")
_NAME_GOES_ON = r"(?![A-Za-z0-9_.-])"  # `gs://bucket` is no part of `gs://bucket-2`
_BUCKET = re.compile(r"\b(?!https?:)[a-z][a-z0-9+.-]*://[A-Za-z0-9_.-]+")
_IN_JSON = re.compile(r'["\\\x00-\x1f]')


class PlaceMapping:
    """Replaces the beginnings of URIs by local folders."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        """Create a mapping.

        Args:
            folders: beginning of a URI -> the folder on this machine.
        """
        self._folders = {prefix: os.path.realpath(folder) for prefix, folder in folders.items()}
        # The longest one first, because `gs://bucket/videos` may be elsewhere than `gs://bucket`.
        prefixes = sorted(self._folders, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(p) + _NAME_GOES_ON for p in prefixes))

    def replace(self, value: Any) -> Any:
        """Return JSON-like values, with the URIs in all their texts replaced."""
        if not self._folders:
            return value
        if isinstance(value, str):
            return self._pattern.sub(lambda match: self._folders[match[0]], value)
        if isinstance(value, Mapping):
            return {key: self.replace(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.replace(item) for item in value]
        return value

    def check(self, values: Any) -> None:
        """Check that JSON-like values hold all the URIs.

        Raises:
            UserError: they do not.
        """
        text = _text(values)
        for prefix in self._folders:
            if not re.search(re.escape(prefix) + _NAME_GOES_ON, text):
                named = " and ".join(buckets_in(values)) or "no bucket"
                raise UserError(
                    f"--place: must begin a URI of the file, which names {named}, got {prefix}"
                )


def buckets_in(values: Any) -> list[str]:
    """Return the buckets that the texts of JSON-like values name, as in `gs://bucket`."""
    return sorted(set(_BUCKET.findall(_text(values))))


def _text(values: Any) -> str:
    return json.dumps(values, default=str)


def parse_places(texts: tuple[str, ...]) -> PlaceMapping:
    """Parse `URI=FOLDER` texts.

    Raises:
        UserError: a text has another form, repeats a URI, or names a folder that does not exist or
            whose path means something else to what reads it.
    """
    folders: dict[str, Path] = {}
    for text in texts:
        prefix, equals, folder = text.partition("=")
        prefix = prefix.rstrip("/")
        if not equals or not _SCHEME.match(prefix) or not folder or not storage.is_local(folder):
            raise UserError(f"--place: must be URI=FOLDER, as in gs://BUCKET=bucket, got {text!r}")
        if prefix in folders:
            raise UserError(f"--place: must have each URI once, got {prefix} twice")
        path = os.path.realpath(folder)
        # The paths take the URIs' places inside JSON texts, and TFX takes them for patterns.
        if _IN_JSON.search(path) or storage.has_wildcards(path):
            raise UserError(f'--place: must be a folder without any of "\\*?[] , got {path!r}')
        folders[prefix] = Path(path)
    for found in folders.values():
        if not found.is_dir():
            what = "a file" if os.path.lexists(found) else "none"
            raise UserError(f"--place: must be a folder that exists, got {what}: {found}")
    return PlaceMapping(folders)
